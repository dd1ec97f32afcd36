import { createProviderTransport } from '../../adapters/attribute-sources/provider_transport.ts';
import type { Catalogue } from '../attributes/catalogue/catalogue.ts';
import { createMemberships } from '../attributes/providers/memberships.ts';
import { createProviderAdministration } from '../attributes/providers/provider_administration.ts';
import { createProviderAttributes } from '../attributes/providers/provider_attributes.ts';
import { createProviderPermissions } from '../attributes/providers/provider_permissions.ts';
import {
  createProviderQuestions,
  type ProviderSilent,
  type QuestionSigner,
} from '../attributes/providers/provider_questions.ts';
import { createRateLimit } from '../operations/rate_limit.ts';
import type { Base, Store } from './store.ts';

/* Wiring of the composition root: insurers, card issuers and other attribute providers. */

/** Attempts of one person to become a provider's customer, and the time they are counted in (ms). */
const ATTEMPTS = { requests: 10, window: 15 * 60_000 };

export function openAttributeProviders(
  { config, clock, random, log, metrics }: Base,
  { storage, vault }: Store,
  { catalogue, statements }: { catalogue: Catalogue; statements: QuestionSigner },
) {
  const { allowPlainHttp } = config.outbound;
  const timeout = config.attributes.providerTimeoutSeconds * 1000;
  const transport = createProviderTransport({ timeout, allowPlainHttp }, { clock, random });
  const questions = createProviderQuestions({ issuer: config.publicUrl, transport, statements, clock, random });
  const onSilence = (provider: string, { code }: ProviderSilent) =>
    log.warn({ provider, code }, 'an attribute provider did not answer usably');
  const { trackedAddresses } = config.rateLimits;
  const attempts = createRateLimit({ ...ATTEMPTS, trackedAddresses }, clock);
  return {
    memberships: createMemberships({ storage, vault, questions, attempts, clock, onSilence }),
    providerAttributes: createProviderAttributes({
      ...{ storage, vault, catalogue, questions, clock, random, onSilence },
      observe: metrics.attributeProviderAsked,
    }),
    permissions: createProviderPermissions({ storage, questions, clock, onSilence }),
    providerAdministration: createProviderAdministration({ storage, catalogue, clock, allowPlainHttp }),
  };
}
