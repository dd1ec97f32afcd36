import { setTimeout as pause } from 'node:timers/promises';
import { createKeySetSource } from '../../adapters/attribute-sources/key_set_source.ts';
import { createOpenIdProviders } from '../../adapters/attribute-sources/openid_providers.ts';
import { createProviderTransport } from '../../adapters/attribute-sources/provider_transport.ts';
import { readClientCertificate } from '../../adapters/outbound/client_certificate.ts';
import type { Catalogue } from '../attributes/catalogue/catalogue.ts';
import { createCustomerBinding } from '../attributes/providers/customer_reference.ts';
import { createMembershipTokens } from '../attributes/providers/membership_tokens.ts';
import { createMemberships } from '../attributes/providers/memberships.ts';
import { createProviderAdministration } from '../attributes/providers/provider_administration.ts';
import { createProviderAttributes } from '../attributes/providers/provider_attributes.ts';
import { createProviderCredentials } from '../attributes/providers/provider_credentials.ts';
import { createProviderKeys } from '../attributes/providers/provider_keys.ts';
import { createProviderPermissions } from '../attributes/providers/provider_permissions.ts';
import {
  createProviderQuestions,
  type ProviderSilent,
  type QuestionSigner,
} from '../attributes/providers/provider_questions.ts';
import { createProviderSignIns } from '../attributes/providers/provider_sign_ins.ts';
import { createUserinfoQuestions } from '../attributes/providers/userinfo_questions.ts';
import { createRateLimit } from '../operations/rate_limit.ts';
import type { Base, Store } from './store.ts';

/* Wiring of the composition root: insurers, card issuers and other attribute providers. */

/** Attempts of one person to become a provider's customer, and the time they are counted in (ms). */
const ATTEMPTS = { requests: 10, window: 15 * 60_000 };

export function openAttributeProviders(
  { config, clock, random, log, metrics, interpose }: Base,
  { storage, vault }: Store,
  { catalogue, statements }: { catalogue: Catalogue; statements: QuestionSigner },
) {
  const { allowPlainHttp, allowedNetworks } = config.outbound;
  const { providerTimeoutSeconds, clientCertificate: files } = config.attributes;
  const onProblem = (err: unknown) =>
    log.warn({ err }, 'the certificate for attribute providers could not be read again; the last one goes on');
  const clientCertificate = files && readClientCertificate(files, { clock, onProblem });
  const settings = { timeout: providerTimeoutSeconds * 1000, allowPlainHttp, clientCertificate };
  const issuer = config.publicUrl;
  const onSilence = (provider: string, { code }: ProviderSilent) =>
    log.warn({ provider, code }, 'an attribute provider did not answer usably');
  const direct = createProviderTransport(settings, { clock, random });
  const transport = interpose?.providerTransport?.(direct) ?? direct;
  const keys = createProviderKeys({ source: createKeySetSource(settings), clock });
  const questions = createProviderQuestions({ issuer, transport, statements, keys, clock, random });
  const credentials = createProviderCredentials({ storage, vault, statements, clock, random });
  const openIdProviders = createOpenIdProviders({ ...settings, allowedNetworks }, { credentials, clock, random });
  const binding = createCustomerBinding({ storage, vault, clock });
  const tokens = createMembershipTokens({ storage, vault, openIdProviders, clock, pause, onSilence });
  const { trackedAddresses } = config.rateLimits;
  const attempts = createRateLimit({ ...ATTEMPTS, trackedAddresses }, clock);
  return {
    memberships: createMemberships({ storage, vault, questions, binding, tokens, attempts, clock, onSilence }),
    providerSignIns: createProviderSignIns({
      ...{ issuer, storage, vault, openIdProviders, binding, tokens, attempts, clock, random, onSilence },
    }),
    providerAttributes: createProviderAttributes({
      ...{ storage, vault, catalogue, questions, clock, random, onSilence },
      userinfo: createUserinfoQuestions({ openIdProviders, tokens, vault, clock }),
      observe: metrics.attributeProviderAsked,
    }),
    permissions: createProviderPermissions({ storage, questions, clock, onSilence }),
    providerAdministration: createProviderAdministration({ storage, vault, catalogue, clock, allowPlainHttp }),
    providerConnections: direct,
  };
}
