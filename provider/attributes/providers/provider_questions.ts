import type { z } from 'zod';
import type { Clock, Random } from '../../world.ts';
import type { ProviderKeys } from './provider_keys.ts';
import {
  type AnsweredTimes,
  type AttributesAnswer,
  type AttributesQuestion,
  aggregatedClaim,
  attributesAnswer,
  type CustomerAnswer,
  type CustomerQuestion,
  customerAnswer,
  PATHS,
  QUESTION_LIFETIME,
  sealedClaim,
  TYPES,
  withdrawalAnswer,
} from './provider_messages.ts';
import type { AttributeProvider } from './provider_store.ts';
import { openSigned } from './signed_answer.ts';

/** Why a provider's word could not be had; the code is for logs and figures. */
export class ProviderSilent extends Error {
  readonly code: string;

  constructor(code: string, options?: ErrorOptions) {
    super(`the attribute provider did not answer usably: ${code}`, options);
    this.name = 'ProviderSilent';
    this.code = code;
  }
}

/** Signs what the hub asks (ES256, by a key of its `jwks_uri`). Implemented by the oidc room. */
export interface QuestionSigner {
  /** @param type `typ` of the JWS (RFC 8725 §3.11). */
  sign(type: string, content: Readonly<Record<string, unknown>>): Promise<string>;
}

/** Brings a message to a provider. Implemented by adapters/attribute-sources, which knows time-outs and leaves alone who is away. */
export interface ProviderTransport {
  /**
   * @param url below the provider's address.
   * @param read of the body of a 200; what it throws counts as a failure of the provider, like no answer at all.
   * @throws ProviderSilent what went wrong underway; what `read` throws.
   */
  exchange<T>(
    provider: Pick<AttributeProvider, 'id' | 'url'>,
    url: string,
    message: string,
    read: (body: string) => Promise<T>,
  ): Promise<T>;
}

/** Interface A, as the hub speaks it. All throw ProviderSilent when no answer came, or none that can be believed. */
export interface ProviderQuestions {
  attributes(
    provider: AttributeProvider,
    question: Pick<AttributesQuestion, 'customer' | 'consent' | 'purpose' | 'claims' | 'seal_for'>,
  ): Promise<AttributesAnswer['claims']>;
  /** Payload of a token that the provider made for a relying party: of its shape, with this one claim and no other. */
  claimToken(
    provider: AttributeProvider,
    form: 'aggregated' | 'sealed',
    claim: string,
    token: string,
  ): Promise<ClaimToken>;
  /** The provider's reference of the customer; undefined when it confirms nobody. */
  customer(
    provider: AttributeProvider,
    question: Pick<CustomerQuestion, 'entered' | 'attributes'>,
  ): Promise<string | undefined>;
  /** Says that a consent is over: access tokens that were given under it no longer count. */
  withdrawal(provider: AttributeProvider, consent: string): Promise<void>;
}

/** What the hub can read of a token for a relying party: aggregatedClaim, or sealedClaim. */
export interface ClaimToken {
  readonly iat: number;
  readonly delivery: string;
  readonly claims_provenance: Readonly<Record<string, AnsweredTimes>>;
  readonly [member: string]: unknown;
}

/** What a token for a relying party may have in its header: nothing is to leave there unseen. */
const TOKEN_HEADER = ['alg', 'kid', 'typ'];
/** Seconds by which clocks may differ. */
const TOLERANCE = 60;

export function createProviderQuestions(world: {
  /** The hub's. */
  issuer: string;
  transport: ProviderTransport;
  statements: QuestionSigner;
  keys: ProviderKeys;
  clock: Clock;
  random: Random;
}): ProviderQuestions {
  const { issuer, transport, statements, keys, clock, random } = world;
  const shapes = new Map<string, z.ZodType>();

  /** Made once a claim: there are no more of them than the catalogue has. */
  function shapeOf(form: 'aggregated' | 'sealed', claim: string): z.ZodType {
    const name = `${form} ${claim}`;
    const shape = shapes.get(name) ?? (form === 'aggregated' ? aggregatedClaim : sealedClaim)(claim);
    shapes.set(name, shape);
    return shape;
  }

  /** Of a key of the provider's, of this type, from this provider, in time. @throws ProviderSilent */
  async function signed(provider: AttributeProvider, token: string, options: { typ: string; audience?: string }) {
    try {
      const expected = { ...options, issuer: provider.url, now: clock(), tolerance: TOLERANCE };
      return await openSigned(token, keys.of(provider), expected);
    } catch (cause) {
      throw cause instanceof ProviderSilent ? cause : new ProviderSilent('answer_not_verified', { cause });
    }
  }

  /** One list: of a key of this provider's → of its type → from this provider, to this hub → in time → of its shape → to this question. */
  async function verified<Answer extends z.ZodType<{ in_reply_to: string; iat: number }>>(
    provider: AttributeProvider,
    token: string,
    {
      typ,
      schema,
      fits,
      jti,
    }: { typ: string; schema: Answer; fits: (answer: z.infer<Answer>) => boolean; jti: string },
  ): Promise<z.infer<Answer>> {
    const { payload } = await signed(provider, token.trim(), { typ, audience: issuer });
    const answer = schema.safeParse(payload);
    if (!answer.success || !fits(answer.data)) throw new ProviderSilent('answer_malformed');
    if (answer.data.in_reply_to !== jti) throw new ProviderSilent('answer_to_another_question');
    assertFresh(answer.data);
    return answer.data;
  }

  /** It answers what was asked just now: one that is older was made for something else. */
  function assertFresh({ iat }: { iat: number }): void {
    if (Math.abs(clock() / 1000 - iat) > TOLERANCE) throw new ProviderSilent('answer_stale');
  }

  async function ask<Answer extends z.ZodType<{ in_reply_to: string; iat: number }>>(
    provider: AttributeProvider,
    path: string,
    content: Readonly<Record<string, unknown>>,
    {
      asks,
      answers,
      schema,
      fits = () => true,
    }: { asks: string; answers: string; schema: Answer; fits?: (answer: z.infer<Answer>) => boolean },
  ): Promise<z.infer<Answer>> {
    const iat = Math.floor(clock() / 1000);
    const jti = Buffer.from(random(16)).toString('base64url');
    const head = { iss: issuer, aud: provider.url, jti, iat, exp: iat + QUESTION_LIFETIME };
    const message = await statements.sign(asks, { ...head, ...content });
    return transport.exchange(provider, `${provider.url}${path}`, message, (body) =>
      verified(provider, body, { typ: answers, schema, fits, jti }),
    );
  }

  return {
    async attributes(provider, question) {
      const { attributesQuestion: asks, attributesAnswer: answers } = TYPES;
      const answer: AttributesAnswer = await ask(provider, PATHS.attributes, question, {
        ...{ asks, answers, schema: attributesAnswer },
        fits: ({ sub }) => sub === question.customer,
      });
      return answer.claims;
    },

    async claimToken(provider, form, claim, token) {
      const { payload, header } = await signed(provider, token, { typ: TYPES[form] });
      const read = shapeOf(form, claim).safeParse(payload);
      const isPlainHeader = Object.keys(header).every((name) => TOKEN_HEADER.includes(name));
      if (!read.success || !isPlainHeader) throw new ProviderSilent('token_malformed');
      const content = read.data as ClaimToken;
      assertFresh(content);
      return content;
    },

    async customer(provider, question) {
      const { customerQuestion: asks, customerAnswer: answers } = TYPES;
      const answer: CustomerAnswer = await ask(provider, PATHS.customer, question, {
        ...{ asks, answers, schema: customerAnswer },
        fits: ({ outcome, customer }) => outcome !== 'confirmed' || customer !== undefined,
      });
      return answer.outcome === 'confirmed' ? answer.customer : undefined;
    },

    async withdrawal(provider, consent) {
      const { withdrawal: asks, withdrawalAnswer: answers } = TYPES;
      await ask(provider, PATHS.withdrawal, { consent }, { asks, answers, schema: withdrawalAnswer });
    },
  };
}
