import { hash } from 'node:crypto';
import type { Context } from 'koa';
import type { Vault } from '../../vault.ts';
import type { Clock, Random } from '../../world.ts';
import type { Logout } from './logout.ts';
import type { LogoutStore } from './logout_store.ts';

/** One that a browser has on its way, as of one step. */
export interface LogoutUnderway {
  readonly logout: Logout;
  readonly step: number;
  readonly key: Uint8Array;
}

/**
 * The logout that a browser is on its way with. The browser holds a random number in a cookie and nothing else, so that no
 * site can speak for another browser's, and nothing has to fit into a RelayState.
 */
export interface LogoutsUnderway {
  begin(ctx: Context, logout: Logout): Promise<void>;
  /** Undefined when this browser has none, or its time is over. */
  of(ctx: Context): Promise<LogoutUnderway | undefined>;
  /** False, and nothing has changed, when it has gone on meanwhile. */
  advance(underway: LogoutUnderway, logout: Logout): Promise<boolean>;
  /** Ends it. False when somebody else has, or it has gone on meanwhile. */
  finish(ctx: Context, underway: LogoutUnderway): Promise<boolean>;
}

/** Milliseconds: a person may be held up at some service provider, and come back by hand. */
const LIFETIME = 10 * 60_000;
const NUMBER_BYTES = 32;
const NUMBER_SHAPE = /^[A-Za-z0-9_-]{43}$/;
const PURPOSE = 'saml.logout';

/** @param world.secure whether the hub is reached by https. */
export function createLogoutsUnderway(world: {
  store: LogoutStore;
  vault: Vault;
  clock: Clock;
  random: Random;
  secure: boolean;
}): LogoutsUnderway {
  const { store, vault, clock, random, secure } = world;
  const name = secure ? '__Host-musubi_logout' : 'musubi_logout';

  const seal = (logout: Logout) => vault.seal(PURPOSE, Buffer.from(JSON.stringify(logout)));

  function setCookie(ctx: Context, value: string, maxAge: number): void {
    const attributes = `Path=/; Max-Age=${maxAge}; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`;
    ctx.append('Set-Cookie', `${name}=${value}; ${attributes}`);
  }

  return {
    async begin(ctx, logout) {
      const number = Buffer.from(random(NUMBER_BYTES)).toString('base64url');
      await store.keep(hash('sha256', number, 'buffer'), seal(logout), clock() + LIFETIME);
      setCookie(ctx, number, LIFETIME / 1000);
    },

    async of(ctx) {
      const number = ctx.cookies.get(name);
      if (number === undefined || !NUMBER_SHAPE.test(number)) return undefined;
      const key = hash('sha256', number, 'buffer');
      const found = await store.find(key, clock());
      if (!found) return undefined;
      // Authenticated: nobody but this module has written it.
      const logout = JSON.parse(Buffer.from(vault.open(PURPOSE, found.sealed)).toString()) as Logout;
      return { logout, step: found.step, key };
    },

    advance: ({ key, step }, logout) => store.advance(key, step, seal(logout)),

    async finish(ctx, { key, step }) {
      if (!(await store.take(key, step))) return false;
      setCookie(ctx, '', 0);
      return true;
    },
  };
}
