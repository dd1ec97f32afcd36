import { createHash } from 'node:crypto';
import { HubError } from '../../errors.ts';

/** An answer, and by what to ask whether there is another. */
export interface FetchedMetadata {
  readonly octets: Uint8Array;
  readonly etag: string | undefined;
  readonly lastModified: string | undefined;
}

/** Longer ones are not sent back: they are a peer's. */
const LONGEST_VALIDATOR = 256;

/**
 * Fetches a metadata document, or learns that it is still the one that is known (RFC 9110 §13.1).
 *
 * @param fetch the guarded one: an operator's mistake must not lead into the own network
 * @throws HubError `saml_metadata_unreachable`
 */
export async function fetchMetadata(
  fetch: typeof globalThis.fetch,
  url: string,
  known: { readonly etag: string | undefined; readonly lastModified: string | undefined } | undefined,
): Promise<FetchedMetadata | 'unchanged'> {
  const isKnown = known?.etag !== undefined || known?.lastModified !== undefined;
  try {
    const response = await fetch(url, {
      headers: {
        accept: 'application/samlmetadata+xml, application/xml;q=0.9, text/xml;q=0.9',
        ...(known?.etag !== undefined && { 'if-none-match': known.etag }),
        ...(known?.etag === undefined && known?.lastModified && { 'if-modified-since': known.lastModified }),
      },
    });
    if (response.status === 304 && isKnown) return 'unchanged';
    if (response.status !== 200) throw unreachable(`status ${response.status}`);
    const validator = (name: string) => {
      const value = response.headers.get(name) ?? undefined;
      return value !== undefined && value.length <= LONGEST_VALIDATOR ? value : undefined;
    };
    const octets = new Uint8Array(await response.arrayBuffer());
    return { octets, etag: validator('etag'), lastModified: validator('last-modified') };
  } catch (cause) {
    if (cause instanceof HubError) throw cause;
    const { code } = cause as { code?: unknown };
    throw unreachable(typeof code === 'string' ? code : 'unreachable', cause);
  }
}

/**
 * Where a metadata query service has an entity (Metadata Query Protocol, draft-young-md-query §3; the identifier `{sha1}`
 * of the SAML profile §2.1, for services that cannot hold an address inside an address).
 */
export function metadataQueryUrl(base: string, entityId: string, transform: 'plain' | 'sha1'): string {
  const identifier =
    transform === 'sha1' ? `{sha1}${createHash('sha1').update(entityId, 'utf8').digest('hex')}` : entityId;
  return `${base.replace(/\/+$/, '')}/entities/${encodeURIComponent(identifier)}`;
}

function unreachable(why: string, cause?: unknown): HubError {
  return new HubError('saml_metadata_unreachable', 502, `The metadata could not be fetched (${why}).`, { cause });
}
