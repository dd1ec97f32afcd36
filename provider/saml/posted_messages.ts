import type { Context } from 'koa';
import { HubError } from '../errors.ts';
import type { Vault } from '../vault.ts';
import type { Clock } from '../world.ts';
import type { MessageKind, SamlMessage } from './messages.ts';
import type { ServiceProvider, ServiceProviders } from './service_provider.ts';

/** A message that the gate has let in, and who sent it. */
export interface Received<M extends SamlMessage> {
  readonly message: M;
  readonly provider: ServiceProvider;
  readonly relayState: string | undefined;
}

/**
 * Messages by HTTP-POST. The form comes from another site and so without our cookies, which are SameSite=Lax: what the
 * gate has judged goes on by GET, sealed, and with the cookies. SameSite=None instead would send them along with every
 * request that any site can make.
 */
export interface PostedMessages {
  /** Sends the browser on to `${path}/posted`. Throws HubError 413 `request_too_large`. */
  sendOn<M extends SamlMessage>(ctx: Context, path: string, received: Received<M>): void;
  /** What was sent on to this address. Throws HubError 400 `saml_request_stale` when it is too old, or nothing of ours. */
  read<K extends MessageKind>(ctx: Context, kinds: readonly K[]): Promise<Received<SamlMessage & { kind: K }>>;
}

/** Milliseconds: redirects are followed at once. */
const LIFETIME = 60_000;
/** Characters of an address that every browser and proxy takes. */
const LENGTH_LIMIT = 7 * 1024;

export function createPostedMessages(world: {
  vault: Vault;
  providers: ServiceProviders;
  clock: Clock;
}): PostedMessages {
  const { vault, providers, clock } = world;
  const purposeFor = (path: string) => `saml.posted ${path}`;

  function stale(cause?: unknown): HubError {
    return new HubError('saml_request_stale', 400, 'This step is over. Begin again at the website.', {
      ...(cause !== undefined && { cause }),
    });
  }

  return {
    sendOn(ctx, path, { message, relayState }) {
      const address = `${path}/posted`;
      const content = JSON.stringify({ message, relayState, until: clock() + LIFETIME });
      const sealed = Buffer.from(vault.seal(purposeFor(address), Buffer.from(content))).toString('base64url');
      if (sealed.length > LENGTH_LIMIT) throw new HubError('request_too_large', 413, 'The message is too large.');
      ctx.status = 303;
      ctx.redirect(`${address}?message=${sealed}`);
    },

    async read<K extends MessageKind>(ctx: Context, kinds: readonly K[]) {
      const { message: parameter } = ctx.query;
      if (typeof parameter !== 'string' || parameter.length > LENGTH_LIMIT) throw stale();
      let content: { message: SamlMessage & { kind: K }; relayState?: string; until: number };
      try {
        // The path as we mount it: what a browser asked for may be spelt otherwise.
        const opened = vault.open(purposeFor(String(ctx._matchedRoute)), Buffer.from(parameter, 'base64url'));
        content = JSON.parse(Buffer.from(opened).toString('utf8'));
      } catch (cause) {
        throw stale(cause);
      }
      const { message, relayState, until } = content;
      const provider = kinds.includes(message.kind) ? await providers.find(message.issuer) : undefined;
      if (until < clock() || !provider) throw stale();
      return { message, provider, relayState };
    },
  };
}
