import { readFileSync } from 'node:fs';
import type { RequestOptions } from 'node:https';
import { type ConnectionOptions, createSecureContext, type SecureContext } from 'node:tls';
import type { Clock } from '../../provider/world.ts';

/** What `request` of node:https hands on to the connection, though its types do not say so. */
export type MutualTlsRequestOptions = RequestOptions & Pick<ConnectionOptions, 'secureContext'>;

/** The certificate that the hub shows to a neighbour that asks for one (mutual TLS). */
export interface ClientCertificate {
  /** For the next connection: what the files hold now, or held when they were last a certificate and its key. */
  context(): SecureContext;
}

export interface ClientCertificateFiles {
  /** The certificate with its intermediates, PEM. */
  readonly certificateFile: string;
  /** Its private key, PEM. */
  readonly keyFile: string;
}

/** Milliseconds between two looks at the files: whoever renews them restarts nothing. */
const LOOKED_AT = 60_000;

/**
 * Reads the files, and again when a connection is made a minute later. While one of them has been replaced and the other has
 * not, the pair that was read before goes on.
 *
 * @param world.onProblem hears each time that the files were looked at in vain. What it hears holds neither of them.
 * @throws Error at once when the files cannot be read or do not belong together.
 */
export function readClientCertificate(
  { certificateFile, keyFile }: ClientCertificateFiles,
  { clock, onProblem }: { clock: Clock; onProblem: (error: unknown) => void },
): ClientCertificate {
  let held = load();
  let lookedAt = clock();

  function load(known?: { readonly cert: string; readonly key: string; readonly context: SecureContext }) {
    const [cert, key] = [readFileSync(certificateFile, 'utf8'), readFileSync(keyFile, 'utf8')];
    if (known?.cert === cert && known.key === key) return known;
    return { cert, key, context: createSecureContext({ cert, key }) };
  }

  return {
    context() {
      if (Math.abs(clock() - lookedAt) >= LOOKED_AT) {
        lookedAt = clock();
        try {
          held = load(held);
        } catch (error) {
          onProblem(error);
        }
      }
      return held.context;
    },
  };
}
