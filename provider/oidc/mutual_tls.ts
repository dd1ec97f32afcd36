import { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import type { Context } from 'koa';

/**
 * The certificate a relying party showed on the mutual-TLS listener (RFC 8705). Only the TLS socket is believed: no
 * header of any spelling names a certificate.
 */
export function clientCertificate(ctx: Context): X509Certificate | undefined {
  const socket = tlsSocket(ctx);
  const raw = socket?.getPeerCertificate()?.raw;
  return raw ? new X509Certificate(raw) : undefined;
}

/** For `tls_client_auth`: the chain ends at one of the operator's authorities for relying parties. */
export function certificateAuthorized(ctx: Context): boolean {
  return tlsSocket(ctx)?.authorized === true;
}

type SubjectProperty =
  | 'tls_client_auth_subject_dn'
  | 'tls_client_auth_san_dns'
  | 'tls_client_auth_san_uri'
  | 'tls_client_auth_san_ip'
  | 'tls_client_auth_san_email';

const SAN_PREFIX = {
  tls_client_auth_san_dns: 'DNS:',
  tls_client_auth_san_uri: 'URI:',
  tls_client_auth_san_ip: 'IP Address:',
  tls_client_auth_san_email: 'email:',
} as const;

/** RFC 8705 §2.1.2: exactly the registered subject, compared whole; no patterns, no case folding of names. */
export function certificateSubjectMatches(ctx: Context, property: SubjectProperty, expected: string): boolean {
  const certificate = clientCertificate(ctx);
  if (!certificate) return false;
  if (property === 'tls_client_auth_subject_dn') return subjectDn(certificate) === expected.replace(/,\s+/g, ',');
  const prefix = SAN_PREFIX[property];
  // Node quotes a name that holds a comma as a JSON string, so that splitting at ', ' cannot be fooled into a second name.
  const names = certificate.subjectAltName?.split(', ') ?? [];
  return names.some((name) => name === `${prefix}${expected}`);
}

/** RFC 4514: most specific first, separated by commas. Node lists the RDNs in the order of the certificate, one a line. */
function subjectDn(certificate: X509Certificate): string {
  return certificate.subject.split('\n').reverse().join(',');
}

function tlsSocket(ctx: Context): TLSSocket | undefined {
  const socket = ctx.req.socket as Partial<TLSSocket>;
  return socket.encrypted ? (socket as TLSSocket) : undefined;
}
