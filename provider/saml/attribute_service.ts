import type { Router } from '@koa/router';
import { HubError } from '../errors.ts';
import { countCall, type RateLimit } from '../operations/rate_limit.ts';
import type { Answers } from './answers/answers.ts';
import type { AttributeQueries } from './attribute_query.ts';
import type { Gate, Judged } from './gate.ts';
import { answerSoapCall, readSoapCall, statusOfRefusal } from './soap_calls.ts';

const PATH = '/saml/soap/attributes';

/** The AttributeService of the hub's metadata (SAML Metadata §2.4.7, SAML Profiles §6): a call by a service provider's server. */
export function mountAttributeService(
  router: Router,
  world: {
    /** Public origin of the hub. */
    readonly origin: string;
    readonly gate: Gate;
    readonly queries: AttributeQueries;
    readonly answers: Answers;
    /** By entity id: whoever has signed is somebody whom the operator knows. */
    readonly limit: RateLimit;
  },
): void {
  const { gate, queries, answers, limit } = world;
  const door = { address: new URL(PATH, world.origin).href, kinds: ['AttributeQuery'] as const };

  router.post(PATH, async (ctx) => {
    const body = await readSoapCall(ctx);
    let query: Judged<'AttributeQuery'> | undefined;
    try {
      query = await gate.soap(body, door);
      const { entityId } = query.provider.metadata;
      ctx.state.relyingParty = entityId;
      countCall(limit, entityId);
      answerSoapCall(ctx, (await queries.answer(query)).xml);
    } catch (error) {
      const status = error instanceof HubError ? statusOfRefusal(error) : undefined;
      if (!(error instanceof HubError) || !status) throw error;
      ctx.state.refusal = { code: error.code, ...error.details };
      const { xml } = await answers.errorResponse({
        ...{ inResponseTo: query?.message.id, destination: undefined, ...status },
      });
      answerSoapCall(ctx, xml);
    }
  });
}
