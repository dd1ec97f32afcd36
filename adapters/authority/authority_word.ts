import { createHash } from 'node:crypto';
import type { RevocationVerdict } from '../../provider/authentication/revocation.ts';
import { HubError } from '../../provider/errors.ts';
import type { TrustAnchor } from '../../provider/pki/index.ts';
import type { AuthorityWord, NumberedCertificate } from '../../provider/status/authority_word.ts';
import type { Clock } from '../../provider/world.ts';
import type { OcspSource } from './ocsp_source.ts';
import { SourceUnavailable } from './source_unavailable.ts';

interface AskedRoot {
  readonly anchor: TrustAnchor;
  readonly address: string;
}

/**
 * Asks responders about certificates of which only issuer and number are kept. Generations of a root share one name, and
 * which one issued a certificate is not kept: the newest is asked first, and each of the others where that knows nothing.
 */
export function createAuthorityWord(world: {
  ocsp: OcspSource;
  anchors: readonly TrustAnchor[];
  responders: readonly { readonly anchor: string; readonly url: string }[];
  clock: Clock;
}): AuthorityWord {
  const { ocsp, clock } = world;
  const roots = new Map<string, AskedRoot[]>();
  const newestFirst = world.anchors.toSorted((one, two) => two.certificate.notBefore - one.certificate.notBefore);
  for (const anchor of newestFirst) {
    const address = world.responders.find((responder) => responder.anchor === anchor.id)?.url;
    if (address === undefined) continue;
    const name = createHash('sha256').update(anchor.certificate.subject).digest('hex');
    roots.set(name, [...(roots.get(name) ?? []), { anchor, address }]);
  }

  const rootsOf = (issuerHash: Uint8Array) =>
    (roots.get(Buffer.from(issuerHash).toString('hex')) ?? []).filter(
      ({ anchor }) => clock() <= anchor.certificate.notAfter,
    );
  const named = (anchor: TrustAnchor, { serial }: NumberedCertificate) => ({
    issuer: anchor.certificate.subject,
    serial,
  });

  return {
    cost: (issuerHash) => rootsOf(issuerHash).length,
    known(certificate) {
      const now = clock();
      for (const { anchor } of rootsOf(certificate.issuerHash)) {
        const verdict = ocsp.known(named(anchor, certificate), anchor, now);
        if (verdict) return verdict;
      }
      return undefined;
    },
    async ask(certificate, askedFor) {
      let questions = 0;
      let verdict: RevocationVerdict | undefined;
      for (const { anchor, address } of rootsOf(certificate.issuerHash)) {
        questions += 1;
        try {
          verdict = await ocsp.ask(address, named(anchor, certificate), anchor, undefined, askedFor);
          break;
        } catch (error) {
          const isUnknown = error instanceof HubError && error.code === 'certificate_unknown';
          if (!isUnknown && !(error instanceof SourceUnavailable)) throw error;
        }
      }
      return { verdict, questions };
    },
  };
}
