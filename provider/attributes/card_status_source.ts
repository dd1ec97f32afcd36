import type { Identity } from '../identity/identity.ts';
import type { AttributeSource, AttributeValue } from './attributes.ts';

/**
 * `card_status`: that the person's card was good when the hub last checked it, by which source and as of when. It says
 * nothing of the certificate itself: no serial, no validity dates (the expiry follows the holder's birthday).
 */
export function cardStatusSource(identity: Identity): AttributeSource {
  return {
    claims: ['card_status'],
    // Everybody who can be asked for consent has just shown a card.
    held: async () => ({ names: ['card_status'], stale: [] }),
    async values(subjectId): Promise<Record<string, AttributeValue>> {
      const check = await identity.lastCardCheck(subjectId);
      if (!check) return {};
      return {
        card_status: {
          value: {
            status: 'good',
            checked_at: Math.floor(check.checkedAt / 1000),
            source: check.source,
            as_of: Math.floor(check.asOf / 1000),
          },
        },
      };
    },
  };
}
