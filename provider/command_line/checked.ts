import type { z } from 'zod';
import { HubError } from '../errors.ts';

/** Arguments of a command as the schema has them. @throws HubError `invalid_request` */
export function checked<T>(schema: z.ZodType<T>, args: unknown): T {
  const result = schema.safeParse(args);
  if (result.success) return result.data;
  const where = result.error.issues.map(({ path, message }) => `${path.join('.') || 'input'}: ${message}`).join('; ');
  throw new HubError('invalid_request', 400, `The input is not valid: ${where}`);
}
