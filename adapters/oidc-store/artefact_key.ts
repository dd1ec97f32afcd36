import { hash } from 'node:crypto';

/** The engine's own ids have 43 characters; a stranger may send anything, and gets "not found" without our hashing it. */
const MAX_ID_LENGTH = 1024;

/**
 * Key of the row: SHA-256 over the model's name and the id. Ids are unguessable (256 bits) and are the tokens
 * themselves, so the table must not hold them; with the model inside, one kind's token never finds another's row.
 */
export function artefactKey(model: string, id: string): Buffer {
  // By way of text into Buffer's pool: asked for a buffer, Node allocates memory of its own, three times the hash's cost.
  return Buffer.from(hash('sha256', `${model}\0${id}`, 'binary'), 'binary');
}

export function isPossibleId(id: unknown): id is string {
  return typeof id === 'string' && id.length > 0 && id.length <= MAX_ID_LENGTH;
}
