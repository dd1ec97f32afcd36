import { CONTENT_TYPE, MAX_ANSWER } from '../../provider/attributes/providers/provider_messages.ts';
import { ProviderSilent, type ProviderTransport } from '../../provider/attributes/providers/provider_questions.ts';
import type { Clock, Random } from '../../provider/world.ts';
import { CircuitBreaker } from '../circuit_breaker.ts';
import type { ClientCertificate } from '../outbound/client_certificate.ts';
import { OutboundError } from '../outbound/guarded_fetch.ts';
import { createKeptConnections, type KeptConnections } from '../outbound/kept_connections.ts';

export interface ProviderTransportSettings {
  /** Milliseconds for one exchange: a person is waiting. */
  readonly timeout: number;
  readonly allowPlainHttp: boolean;
  /** The hub's, for providers that ask for one. */
  readonly clientCertificate?: ClientCertificate | undefined;
}

/** Interface A's way to the providers. */
export interface KeptProviderTransport extends ProviderTransport {
  /** Ends the connections that are kept. */
  close(): void;
}

/** People must not each wait for a provider that is away. Milliseconds. */
export const BREAKER = { failures: 3, delay: 2000, maxDelay: 60_000 };

/** How one provider is reached, for as long as it is at one address. */
interface Way {
  readonly url: string;
  readonly connections: KeptConnections;
  readonly breaker: CircuitBreaker;
}

/**
 * HTTP to attribute providers: each within its time and size, at the address that the operator registered and nowhere else,
 * and left alone for a while after three failures in a row, lies among them.
 */
export function createProviderTransport(
  settings: ProviderTransportSettings,
  { clock, random }: { clock: Clock; random: Random },
): KeptProviderTransport {
  const { timeout, allowPlainHttp, clientCertificate } = settings;
  /** By provider. */
  const ways = new Map<string, Way>();

  function wayTo({ id, url }: { id: string; url: string }): Way {
    const known = ways.get(id);
    // Connections to where it was end by themselves when nobody uses them.
    if (known?.url === url) return known;
    const { origin, protocol } = new URL(url);
    if (protocol !== 'https:' && !allowPlainHttp) throw new ProviderSilent('outbound_scheme_refused');
    const way = {
      url,
      connections: createKeptConnections({ origin, timeout, maxBody: MAX_ANSWER, clientCertificate, clock }),
      breaker: new CircuitBreaker({ ...BREAKER, probeTime: timeout }, random),
    };
    ways.set(id, way);
    return way;
  }

  return {
    close() {
      for (const { connections } of ways.values()) connections.close();
    },

    async exchange(provider, url, message, read) {
      const { connections, breaker } = wayTo(provider);
      if (breaker.admit(clock()) !== undefined) throw new ProviderSilent('left_alone');
      try {
        const answer = await read(await post(connections, url, message));
        breaker.succeeded();
        return answer;
      } catch (error) {
        breaker.failed(clock());
        throw error;
      }
    },
  };
}

/** A question that is sent twice was answered at most once: the provider refuses a `jti` that it has seen. */
async function post(connections: KeptConnections, url: string, message: string): Promise<string> {
  const { status, contentType, body } = await connections
    .post(new URL(url).pathname, CONTENT_TYPE, message)
    .catch((cause) => {
      throw new ProviderSilent(cause instanceof OutboundError ? cause.code : 'exchange_failed', { cause });
    });
  if (status !== 200 || contentType?.split(';', 1)[0] !== CONTENT_TYPE) throw new ProviderSilent(`status_${status}`);
  return body;
}
