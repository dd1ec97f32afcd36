import type { TestHub } from '../../support/hub.ts';

/** What service providers are told of a hub. */
export interface PublishedHub {
  readonly entityId: string;
  /** Its signed metadata. */
  readonly metadata: string;
  /** Base64 of DER: certificates of its keys, those to come among them. */
  readonly certificates: readonly string[];
}

/** As the hub publishes it now. */
export async function publishedHub({ issuer }: Pick<TestHub, 'issuer'>): Promise<PublishedHub> {
  const entityId = `${issuer}/saml/metadata`;
  const metadata = await (await fetch(entityId)).text();
  const [, role = ''] = /<md:IDPSSODescriptor([\s\S]*)<\/md:IDPSSODescriptor>/.exec(metadata) ?? [];
  const certificates = [...role.matchAll(/<ds:X509Certificate>([^<]+)</g)].map(([, certificate = '']) => certificate);
  return { entityId, metadata, certificates };
}
