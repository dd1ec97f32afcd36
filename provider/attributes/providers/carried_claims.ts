import { decodeProtectedHeader, type JWK } from 'jose';
import type { Clock } from '../../world.ts';
import type { CatalogueClaim } from '../catalogue/catalogue.ts';
import { isValueOf } from '../catalogue/claim_type.ts';
import { type CarriedClaim, type CarriedForm, isOneOf, SEALING_ALGORITHMS, SEALING_ENCRYPTIONS } from '../delivery.ts';
import { type AnsweredTimes, type AttributesAnswer, MAX_REFERENCE_LIFETIME } from './provider_messages.ts';
import { type ProviderQuestions, ProviderSilent } from './provider_questions.ts';
import type { AttributeProvider } from './provider_store.ts';

/** What a provider is asked to make for a relying party. */
export interface CarriedOrder {
  readonly claim: CatalogueClaim;
  readonly form: CarriedForm;
  /** See CarriedClaim. */
  readonly delivery: string;
  /** The relying party's key, of a claim that is to be sealed. */
  readonly sealFor: JWK | undefined;
}

/** Members that the header of a sealed claim may have (RFC 7516 §4.1): nothing is to leave there in the clear. */
const SEALED_HEADER = ['alg', 'enc', 'kid', 'epk', 'typ', 'cty'];

/**
 * What a provider answered to an order, when the hub may hand it on: signed by the provider, for this delivery, with this
 * one claim and nothing beside it, and of a sealed one encrypted for this key in a way that is not broken.
 *
 * @returns the claim, with its times where the hub can see them.
 * @throws ProviderSilent
 */
export async function readCarriedClaim(
  { questions, clock }: { questions: Pick<ProviderQuestions, 'claimToken'>; clock: Clock },
  provider: AttributeProvider,
  { claim, form, delivery, sealFor }: CarriedOrder,
  answered: AttributesAnswer['claims'][string],
): Promise<{ carried: CarriedClaim; times: AnsweredTimes | undefined }> {
  const common = { claim: claim.name, form, source: provider.id, issuer: provider.url, delivery };
  if (form === 'distributed') {
    if (!('endpoint' in answered)) throw new ProviderSilent('claim_in_another_form');
    const { endpoint, access_token: token, expires_at: expiresAt } = answered;
    const left = expiresAt - clock() / 1000;
    if (!endpoint.startsWith(`${provider.url}/`)) throw new ProviderSilent('reference_elsewhere');
    if (left <= 0 || left > MAX_REFERENCE_LIFETIME) throw new ProviderSilent('reference_lifetime');
    return { carried: { ...common, token, endpoint }, times: undefined };
  }
  if (!('token' in answered)) throw new ProviderSilent('claim_in_another_form');
  const { token } = answered;
  const content = await questions.claimToken(provider, form, claim.name, token);
  if (content.delivery !== delivery) throw new ProviderSilent('token_for_another_delivery');
  const isUsable =
    form === 'aggregated' ? isValueOf(claim.type, content[claim.name]) : isSealedFor(sealFor, String(content.sealed));
  if (!isUsable) throw new ProviderSilent(`claim_not_usable ${claim.name}`);
  return { carried: { ...common, token }, times: content.claims_provenance[claim.name] };
}

/** Whether it looks like a JWE for this key; whether it is one, only the relying party can tell. */
function isSealedFor(key: JWK | undefined, sealed: string): boolean {
  if (key === undefined || !/^[\w-]+\.[\w-]*\.[\w-]+\.[\w-]+\.[\w-]+$/.test(sealed)) return false;
  try {
    const { alg, enc, kid, ...header } = decodeProtectedHeader(sealed);
    return (
      isOneOf(SEALING_ALGORITHMS, alg) &&
      isOneOf(SEALING_ENCRYPTIONS, enc) &&
      (key.alg === undefined || key.alg === alg) &&
      alg.startsWith('RSA') === (key.kty === 'RSA') &&
      kid === key.kid &&
      Object.keys(header).every((name) => SEALED_HEADER.includes(name))
    );
  } catch {
    return false;
  }
}
