import { randomBytes } from 'node:crypto';
import { CompactEncrypt, importJWK, type JWK } from 'jose';
import {
  type AnsweredTimes,
  type AttributesAnswer,
  type AttributesQuestion,
  TYPES,
} from '../../../provider/attributes/providers/provider_messages.ts';
import type { Clock } from '../../../provider/world.ts';

/** What a relying party is to be told of one claim, in a form that the hub only hands on. */
export interface ClaimToMake {
  readonly name: string;
  readonly value: unknown;
  readonly times: AnsweredTimes;
  readonly asked: AttributesQuestion['claims'][string];
  readonly sealFor: AttributesQuestion['seal_for'];
  readonly consent: string;
}

export interface MadeClaims {
  make(claim: ClaimToMake): Promise<AttributesAnswer['claims'][string]>;
  /** What was promised for an access token, while it holds. */
  fetch(accessToken: string): string | undefined;
  /** Nothing is fetched under this consent any more. */
  end(consent: string): void;
}

/** Where relying parties fetch distributed claims, below the provider's address. */
export const CLAIMS_PATH = '/claims';
/** Seconds that a relying party may take what it was given. */
const LIFETIME = 300;
/** References that are kept at once. */
const MAX_REFERENCES = 10_000;

/** @param world.sign makes the provider's JWS with that `typ`, its `iss` and `iat`, and what is given. */
export function createMadeClaims(world: {
  url: () => string;
  sign(typ: string, content: Readonly<Record<string, unknown>>): Promise<string>;
  clock: Clock;
}): MadeClaims {
  const { sign, clock } = world;
  const references = new Map<string, { readonly token: string; readonly consent: string; readonly until: number }>();
  const expiry = () => Math.floor(clock() / 1000) + LIFETIME;

  function head({ name, times, asked: { delivery } }: ClaimToMake) {
    return { exp: expiry(), delivery, claims_provenance: { [name]: times } };
  }

  const aggregated = (claim: ClaimToMake) => sign(TYPES.aggregated, { ...head(claim), [claim.name]: claim.value });

  async function sealed(claim: ClaimToMake): Promise<string> {
    const { name, value, asked, sealFor } = claim;
    const key = sealFor as JWK;
    const alg = key.alg ?? (key.kty === 'RSA' ? 'RSA-OAEP-256' : 'ECDH-ES');
    const jwe = await new CompactEncrypt(Buffer.from(JSON.stringify({ [name]: value, delivery: asked.delivery })))
      .setProtectedHeader({ alg, enc: 'A256GCM', cty: 'json', ...(key.kid !== undefined && { kid: key.kid }) })
      .encrypt(await importJWK(key, alg));
    return sign(TYPES.sealed, { ...head(claim), sealed: jwe });
  }

  function refer(token: string, consent: string) {
    for (const [each, { until }] of references) {
      if (until < clock() / 1000 || references.size >= MAX_REFERENCES) references.delete(each);
    }
    const accessToken = randomBytes(24).toString('base64url');
    const until = expiry();
    references.set(accessToken, { token, consent, until });
    return { endpoint: `${world.url()}${CLAIMS_PATH}`, access_token: accessToken, expires_at: until };
  }

  return {
    async make(claim) {
      if (claim.asked.form === 'distributed') return refer(await aggregated(claim), claim.consent);
      return { token: await (claim.asked.form === 'sealed' ? sealed(claim) : aggregated(claim)) };
    },

    fetch(accessToken) {
      const found = references.get(accessToken);
      return found && found.until >= clock() / 1000 ? found.token : undefined;
    },

    end(consent) {
      for (const [each, reference] of references) if (reference.consent === consent) references.delete(each);
    },
  };
}
