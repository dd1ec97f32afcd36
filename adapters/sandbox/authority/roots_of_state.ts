import { createPrivateKey } from 'node:crypto';
import { type AuthorityKind, encodePem, keyPairOf, type Root, restoreRoot } from '../pki/index.ts';
import type { AuthorityState, StoredRoot } from './state.ts';

/** Importing a key costs a tenth of a millisecond and roots never change: kept by their PEM. */
const restored = new Map<string, Root>();

export function findRoot(state: AuthorityState, kind: AuthorityKind, generation: number): StoredRoot | undefined {
  return state.roots.find((root) => root.kind === kind && root.generation === generation);
}

/** The root with its key, ready to sign. */
export function restoreStoredRoot(state: AuthorityState, kind: AuthorityKind, generation: number): Root {
  const stored = findRoot(state, kind, generation);
  if (!stored) throw new TypeError('a generation that the authority does not have');
  const known = restored.get(stored.certificate);
  if (known) return known;
  const der = Buffer.from(stored.certificate, 'base64');
  const root = restoreRoot({
    kind,
    organization: state.organization,
    certificate: {
      der,
      pem: encodePem('CERTIFICATE', der),
      key: keyPairOf(createPrivateKey(stored.privateKey)),
      serialNumber: BigInt(`0x${stored.serial}`),
      notBefore: stored.notBefore,
      notAfter: stored.notAfter,
    },
  });
  restored.set(stored.certificate, root);
  return root;
}
