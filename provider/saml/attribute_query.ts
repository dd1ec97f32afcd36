import type { Catalogue } from '../attributes/catalogue/catalogue.ts';
import type { Consents } from '../consent/consents.ts';
import { HubError } from '../errors.ts';
import type { Answers, SignedMessage } from './answers/answers.ts';
import { attributesFor, attributesNamed, claimNamed } from './attribute_names.ts';
import { wishesOf, withFreshness } from './attribute_wishes.ts';
import { claimsAllowed } from './claims_allowed.ts';
import { encryptionKeyOf } from './encryption_key.ts';
import type { Judged } from './gate.ts';
import type { NameIds } from './name_ids.ts';
import { NAME_ID_FORMATS, PAIRWISE_ID, STATUS } from './names.ts';
import { wantsPairwiseId } from './send_answer.ts';
import type { ServiceProvider } from './service_provider.ts';

/** A service provider asks for a person's attributes without the person (SAML Core §3.3.2.3). */
export interface AttributeQueries {
  /**
   * Answers out of the live consent of the person that it names, and writes down what leaves.
   *
   * @throws HubError 400 `saml_request_replayed`
   */
  answer(query: Judged<'AttributeQuery'>): Promise<SignedMessage>;
}

export function createAttributeQueries(world: {
  answers: Answers;
  nameIds: NameIds;
  consents: Consents;
  catalogue: Catalogue;
  /** Whether a message of this id is heard for the first time, from now on not any more. @param until seconds since 1970. */
  isFirst(entityId: string, id: string, until: number): Promise<boolean>;
  /** Seconds that a query may be old when it arrives. */
  maxAge: number;
  /** Counts answers: `success`, or the last status code's own word. */
  observe(outcome: string): void;
}): AttributeQueries {
  const { answers, nameIds, consents, catalogue, observe } = world;

  function withoutAssertion(inResponseTo: string, ...codes: string[]): Promise<SignedMessage> {
    observe(codes.at(-1)?.split(':').at(-1) ?? '');
    return answers.errorResponse({ inResponseTo, destination: undefined, codes });
  }

  return {
    /* One list: once → can be answered safely → who → consent and disclosure → values → signed. */
    async answer({ message: query, provider }) {
      const { entityId, encryptionCertificates } = provider.metadata;
      const until = Math.ceil(query.issueInstant / 1000) + world.maxAge + 1;
      if (!(await world.isFirst(entityId, query.id, until))) {
        throw new HubError('saml_request_replayed', 400, 'The message has been answered already.');
      }
      if (provider.settings.encryptAssertions === 'always' && encryptionCertificates.length === 0) {
        return withoutAssertion(query.id, STATUS.responder, STATUS.requestUnsupported);
      }

      const wishes = wishesOf(catalogue, query.attributes);
      if (!wishes) return withoutAssertion(query.id, STATUS.requester, STATUS.requestUnsupported);

      const subjectId = await nameIds.subjectOf(query.nameId, provider);
      const wish = wishOf(query, provider, catalogue);
      const released =
        subjectId === undefined
          ? undefined
          : await consents.release({
              ...{ subjectId, clientId: entityId, exit: 'attribute_query' },
              // `sub` is what the person agreed to in any case; it stands for the identifier in the disclosure.
              claims: [...(wish.pairwiseId ? ['sub'] : []), ...wish.claims],
              wishes: withFreshness(provider.settings, wishes),
            });
      // Nobody of this name, somebody who took their consent back, and somebody who never gave one: they look alike.
      if (subjectId === undefined || !released) {
        return withoutAssertion(query.id, STATUS.responder, STATUS.unknownPrincipal);
      }

      const pairwiseId = wish.pairwiseId ? await nameIds.pairwiseId(subjectId, provider) : undefined;
      const attributes = wish.names
        ? attributesNamed(catalogue, wish.names, released, pairwiseId)
        : attributesFor(catalogue, released, provider.settings.attributeProfile, pairwiseId);
      // SAML Core §3.3.4: no assertion where there is nothing to state.
      if (attributes.length === 0) return withoutAssertion(query.id, STATUS.success);
      observe('success');
      return answers.attributeResponse({
        ...{ inResponseTo: query.id, audience: entityId, nameId: query.nameId, attributes },
        encryptFor: encryptionKeyOf(provider),
      });
    },
  };
}

interface Wish {
  /** Attributes by name, each once; undefined for whatever there is. */
  readonly names: readonly string[] | undefined;
  /** Claims of the catalogue, without `sub`. */
  readonly claims: readonly string[];
  readonly pairwiseId: boolean;
}

/** Names that mean nothing here, or nothing that this service provider may ask for, are left out (SAML Core §3.3.2.3). */
function wishOf(
  { attributes, nameId }: Judged<'AttributeQuery'>['message'],
  provider: ServiceProvider,
  catalogue: Catalogue,
): Wish {
  const allowed = claimsAllowed(provider, catalogue);
  const nameIdFormat = nameId.format === NAME_ID_FORMATS.transient ? 'transient' : 'persistent';
  const mayHavePairwiseId = wantsPairwiseId(provider, { nameIdFormat });
  if (attributes.length === 0) return { names: undefined, claims: [...allowed], pairwiseId: mayHavePairwiseId };
  // The name says what is meant, whatever format it is said to have: stacks send any.
  const names = [...new Set(attributes.map(({ name }) => name))];
  const named = new Set(names.map((name) => claimNamed(catalogue, name)));
  return {
    names,
    claims: [...allowed].filter((claim) => named.has(claim)),
    pairwiseId: mayHavePairwiseId && names.includes(PAIRWISE_ID),
  };
}
