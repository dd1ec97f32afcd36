import type { X509Certificate } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { HubError } from '../errors.ts';
import { type AddressList, plainAddress } from '../operations/client_address.ts';

/** A certificate whose key the other end of a TLS handshake has proved to hold. Nothing else about it is judged yet. */
export interface PresentedCertificate {
  readonly der: Uint8Array;
  /** What was sent along with it, DER: helpers for building a path, trusted in nothing. */
  readonly offered: readonly Uint8Array[];
  /** The proxy that passed it on says that its own check failed. */
  readonly refusedByProxy: boolean;
}

/** What a browser showed in the handshake that a request came by; undefined when nothing. */
export type ReadPresentedCertificate = (request: IncomingMessage) => PresentedCertificate | undefined;

/**
 * Where the hub itself ends TLS. A resumed session proves nothing about the card that is in the reader now; none is ever
 * resumed here, and one that were would count as no certificate.
 */
export const certificateOfHandshake: ReadPresentedCertificate = (request) => {
  const socket = request.socket as Partial<TLSSocket>;
  if (!socket.encrypted || socket.isSessionReused?.()) return undefined;
  const certificate = socket.getPeerX509Certificate?.();
  return certificate && { der: certificate.raw, offered: issuersOf(certificate), refusedByProxy: false };
};

/** What the browser sent behind its certificate, as far as OpenSSL has put it in order. */
function issuersOf(certificate: X509Certificate): Uint8Array[] {
  const issuers: Uint8Array[] = [];
  let issuer = certificate.issuerCertificate;
  while (issuer && issuers.length < MAX_CHAIN) {
    issuers.push(issuer.raw);
    issuer = issuer.issuerCertificate;
  }
  return issuers;
}

/** Characters of one header. */
const HEADER_LIMIT = 16 * 1024;
const MAX_CHAIN = 10;
/** RFC 8941 §3.3.5, without parameters, and padded as RFC 4648 §3.5 wants it: a value has one spelling. */
const BYTE_SEQUENCE = /^:((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?):$/;
/** How proxies tell what came of their own check; nginx's `$ssl_client_verify` in any of the usual names. */
const VERIFY_HEADER = /^(?:x[-_])?(?:ssl[-_]|tls[-_])?(?:client[-_])?(?:cert[-_])?verify$/;

/**
 * Where a reverse proxy ends TLS: `Client-Cert` (RFC 9440 §2.2), from these addresses only. Whatever anybody else sends,
 * under whatever name, is no certificate.
 *
 * Throws HubError `client_certificate_header` for what a proxy that is set up right never sends.
 */
export function certificateFromProxies(proxies: AddressList): ReadPresentedCertificate {
  return (request) => {
    if (!proxies.contains(plainAddress(request.socket.remoteAddress ?? ''))) return undefined;
    const certificates = valuesOf(request, (name) => name === 'client-cert');
    const chains = valuesOf(request, (name) => name === 'client-cert-chain');
    const verdicts = valuesOf(request, (name) => VERIFY_HEADER.test(name));
    if (certificates.length > 1) throw malformed('two certificates');
    if (verdicts.length > 1) throw malformed('two verdicts');
    const offered = readChain(chains, certificates);
    const [verdict] = verdicts;
    const [value] = certificates;
    if (value === undefined) {
      if (verdict !== undefined && verdict !== 'NONE') throw malformed('a verdict about nothing');
      return undefined;
    }
    const refusedByProxy = verdict !== undefined && verdict !== 'SUCCESS';
    return { der: readByteSequence(value), offered, refusedByProxy };
  };
}

/** RFC 9440 §2.3: a list over any number of lines, and never without a certificate. */
function readChain(lines: readonly string[], certificates: readonly string[]): Uint8Array[] {
  if (lines.length === 0) return [];
  if (certificates.length === 0) throw malformed('a chain without a certificate');
  const members = lines.join(',').split(',');
  if (members.length > MAX_CHAIN) throw malformed('a long chain');
  return members.map((member) => readByteSequence(member.trim()));
}

function readByteSequence(value: string): Uint8Array {
  if (value.length > HEADER_LIMIT) throw malformed('too long');
  const base64 = BYTE_SEQUENCE.exec(value)?.[1];
  const bytes = Buffer.from(base64 ?? '', 'base64');
  if (!base64 || bytes.toString('base64') !== base64) throw malformed('no byte sequence');
  return bytes;
}

/** The lines as they came: Node joins the lines of one name, and the host guard has removed them. */
function valuesOf({ rawHeaders }: IncomingMessage, isWanted: (name: string) => boolean): string[] {
  return rawHeaders.flatMap((name, index) =>
    index % 2 === 0 && isWanted(name.toLowerCase()) ? [rawHeaders[index + 1] ?? ''] : [],
  );
}

function malformed(part: string): HubError {
  return new HubError('client_certificate_header', 400, 'The proxy passed on a certificate that cannot be read.', {
    details: { part },
  });
}
