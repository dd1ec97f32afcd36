import { isDeepStrictEqual } from 'node:util';
import type { Catalogue } from '../attributes/catalogue/catalogue.ts';
import type { SamlExchange } from '../oidc/saml_parameter.ts';
import { claimNamed } from './attribute_names.ts';
import type { AskedAttribute } from './messages.ts';
import type { ServiceProviderSettings } from './service_provider.ts';

export type ClaimWishes = NonNullable<SamlExchange['wishes']>;

/**
 * What a request says of single claims, beside that they are wanted. Names that mean nothing here are left out.
 *
 * @returns undefined when it says two things of one claim, under two names of it
 */
export function wishesOf(catalogue: Catalogue, attributes: readonly AskedAttribute[]): ClaimWishes | undefined {
  const wishes = new Map<string, ClaimWishes[string]>();
  for (const { name, targetDate, maxAge } of attributes) {
    const claim = claimNamed(catalogue, name);
    if (claim === undefined) continue;
    const wish = { ...(targetDate !== undefined && { targetDate }), ...(maxAge !== undefined && { maxAge }) };
    const other = wishes.get(claim);
    if (other !== undefined && !isDeepStrictEqual(other, wish)) return undefined;
    wishes.set(claim, wish);
  }
  return Object.fromEntries([...wishes].filter(([, wish]) => Object.keys(wish).length > 0));
}

/**
 * With the ages that the operator has registered: they hold whatever a request says. What is not signed can be left out by
 * the person who carries it.
 */
export function withFreshness({ freshness = {} }: ServiceProviderSettings, wishes: ClaimWishes = {}): ClaimWishes {
  const held = Object.entries(freshness).map(([claim, most]) => {
    const wish = wishes[claim];
    return [claim, { ...wish, maxAge: Math.min(most, wish?.maxAge ?? most) }] as const;
  });
  return { ...wishes, ...Object.fromEntries(held) };
}
