import { CONTENT_TYPE, MAX_ANSWER } from '../../provider/attributes/providers/provider_messages.ts';
import { ProviderSilent, type ProviderTransport } from '../../provider/attributes/providers/provider_questions.ts';
import type { Clock, Random } from '../../provider/world.ts';
import { CircuitBreaker } from '../circuit_breaker.ts';
import { createGuardedFetch, OutboundError } from '../outbound/guarded_fetch.ts';

export interface ProviderTransportSettings {
  /** Milliseconds for one exchange: a person is waiting. */
  readonly timeout: number;
  readonly allowPlainHttp: boolean;
}

/** People must not each wait for a provider that is away. Milliseconds. */
export const BREAKER = { failures: 3, delay: 2000, maxDelay: 60_000 };

interface Way {
  readonly fetch: typeof fetch;
  readonly breaker: CircuitBreaker;
}

/**
 * HTTP to attribute providers: each within its time and size, at the address that the operator registered and nowhere else,
 * and left alone for a while after three failures in a row, lies among them.
 */
export function createProviderTransport(
  settings: ProviderTransportSettings,
  { clock, random }: { clock: Clock; random: Random },
): ProviderTransport {
  /** By provider; another address of its own is another neighbour. */
  const ways = new Map<string, Way>();

  function wayTo({ id, url }: { id: string; url: string }): Way {
    const name = `${id} ${url}`;
    const known = ways.get(name);
    if (known) return known;
    const way = {
      fetch: createGuardedFetch({
        ...settings,
        maxBody: MAX_ANSWER,
        allowedNetworks: [],
        places: { configured: [new URL(url).origin], allowed: [] },
      }),
      breaker: new CircuitBreaker({ ...BREAKER, probeTime: settings.timeout }, random),
    };
    ways.set(name, way);
    return way;
  }

  return {
    async exchange(provider, url, message, read) {
      const { fetch, breaker } = wayTo(provider);
      if (breaker.admit(clock()) !== undefined) throw new ProviderSilent('left_alone');
      try {
        const answer = await read(await post(fetch, url, message));
        breaker.succeeded();
        return answer;
      } catch (error) {
        breaker.failed(clock());
        throw error;
      }
    },
  };
}

async function post(fetch: typeof globalThis.fetch, url: string, message: string): Promise<string> {
  let answer: Response;
  try {
    answer = await fetch(url, { method: 'POST', headers: { 'content-type': CONTENT_TYPE }, body: message });
  } catch (cause) {
    throw new ProviderSilent(cause instanceof OutboundError ? cause.code : 'exchange_failed', { cause });
  }
  const isAnswer = answer.status === 200 && answer.headers.get('content-type')?.split(';', 1)[0] === CONTENT_TYPE;
  if (!isAnswer) throw new ProviderSilent(`status_${answer.status}`);
  return answer.text();
}
