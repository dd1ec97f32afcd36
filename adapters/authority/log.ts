/** What this folder tells the log: codes and addresses from the configuration, never a serial or a certificate. */
export interface AuthorityLog {
  info(fields: Record<string, unknown>, message: string): void;
  warn(fields: Record<string, unknown>, message: string): void;
}
