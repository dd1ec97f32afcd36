import type { Context } from 'koa';
import type { Random } from '../world.ts';

/** Crockford's alphabet: no letter that is read as a digit over the telephone. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const LENGTH = 8;

/**
 * The request's reference number, `7KQ2-M9XD`: shown on error pages and written in the log, so that the person who sees
 * the one can ask the people who read the other. It says nothing about either. Made when it is first asked for.
 */
export function requestReference(ctx: Pick<Context, 'state'>, random: Random): string {
  ctx.state.reference ??= newReference(random);
  return String(ctx.state.reference);
}

function newReference(random: Random): string {
  const characters = [...random(LENGTH)].map((octet) => ALPHABET[octet % ALPHABET.length]).join('');
  return `${characters.slice(0, LENGTH / 2)}-${characters.slice(LENGTH / 2)}`;
}
