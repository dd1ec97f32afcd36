import { compactVerify, createLocalJWKSet, type JSONWebKeySet } from 'jose';
import { z } from 'zod';
import { HubError } from '../errors.ts';
import type { Exit } from './consent_store.ts';
import { checkDisclosureChain } from './disclosure_chain.ts';
import { HEADS_TYPE } from './disclosure_history.ts';
import { leadsToRoot } from './merkle_tree.ts';
import { RECEIPT_TYPE } from './receipt.ts';

/*
 * What a person can check with what they downloaded and the hub's published keys, and nothing else: no hub has to answer.
 */

export interface VerifiedReceipt {
  readonly issuer: string;
  readonly kid: string;
  /** ISO 8601. */
  readonly issuedAt: string;
  readonly receipt: Readonly<Record<string, unknown>>;
}

const receiptSchema = z.object({
  iss: z.string(),
  iat: z.number(),
  consent_receipt: z.record(z.string(), z.unknown()),
});
const headsSchema = z.object({
  iss: z.string(),
  iat: z.number(),
  disclosure_heads: z.object({ number: z.int(), tree_size: z.int(), root: z.string() }),
});
const historySchema = z.object({
  issuer: z.string(),
  origin: z.string().nullable(),
  disclosures: z.array(
    z.object({
      sequence: z.int(),
      at: z.int(),
      exit: z.string(),
      client: z.string(),
      consent: z.string(),
      claims: z.array(z.tuple([z.string(), z.string().nullable()])),
      hash: z.string(),
      delivered_at: z.number().nullable(),
    }),
  ),
  published: z.object({ statement: z.string(), leaf: z.int(), path: z.array(z.string()).max(64) }).nullable(),
});

/**
 * @param receipt a compact JWS as the person downloaded it.
 * @param keys as published under /.well-known/record-keys; keys that no longer sign are among them.
 * @throws HubError 400 `record_invalid`: no receipt, or not signed by any of these keys.
 */
export async function verifyReceipt(receipt: string, keys: JSONWebKeySet): Promise<VerifiedReceipt> {
  const { kid, content } = await verified(receipt, RECEIPT_TYPE, keys);
  const { iss, iat, consent_receipt } = parsed(receiptSchema, content);
  return { issuer: iss, kid, issuedAt: new Date(iat * 1000).toISOString(), receipt: consent_receipt };
}

export interface VerifiedHistory {
  readonly disclosures: number;
  /** Of these, the ones whose delivery nobody confirmed. */
  readonly unconfirmed: number;
  /** The last publication that covers this history: its number, its time, and how many disclosures it covers. */
  readonly published: { readonly number: number; readonly at: string; readonly disclosures: number } | undefined;
}

/**
 * Follows the chain, and from its head of then to the root that the hub has published. Nothing that the publication covers
 * can have been removed, changed or moved.
 *
 * @param history an ExportedHistory.
 * @param publishedStatements those that the person saw published (/.well-known/disclosure-heads): the one that the history
 *   is measured by must then be among them, so that the hub cannot show one tree to this person and another to everybody.
 * @throws HubError 400 `record_invalid`, `history_broken` (details say where).
 */
export async function verifyHistory(
  history: unknown,
  keys: JSONWebKeySet,
  publishedStatements?: readonly string[],
): Promise<VerifiedHistory> {
  const { origin, disclosures, published, issuer } = parsed(historySchema, history);
  const fault = checkDisclosureChain(
    octets(origin ?? ''),
    disclosures.map(({ client, consent, claims, exit, hash, ...rest }) => ({
      ...rest,
      exit: exit as Exit,
      clientId: client,
      consentId: consent,
      claims: claims.map(([claim]) => claim),
      sources: claims.map(([, source]) => source ?? undefined),
      hash: octets(hash),
    })),
  );
  if (fault) throw broken(`disclosure ${fault.sequence} is ${fault.fault === 'gap' ? 'missing' : 'changed'}`);
  const counts = {
    disclosures: disclosures.length,
    unconfirmed: disclosures.filter(({ delivered_at }) => delivered_at === null).length,
  };
  if (!published) return { ...counts, published: undefined };
  if (publishedStatements && !publishedStatements.includes(published.statement)) {
    throw broken('the publication that it names is none of those that were published');
  }
  const { content } = await verified(published.statement, HEADS_TYPE, keys);
  const { iss, iat, disclosure_heads: heads } = parsed(headsSchema, content);
  if (iss !== issuer) throw broken('the publication is another hub’s');
  const proof = {
    ...{ leaf: published.leaf, size: heads.tree_size, root: octets(heads.root) },
    path: published.path.map(octets),
  };
  // Newest first: nearly always one of the last.
  const covered = disclosures.findLast(({ hash }) => leadsToRoot(octets(hash), proof));
  if (!covered) throw broken('no disclosure of it leads to the published root');
  const at = new Date(iat * 1000).toISOString();
  return { ...counts, published: { number: heads.number, at, disclosures: covered.sequence } };
}

async function verified(jws: string, type: string, keys: JSONWebKeySet): Promise<{ kid: string; content: unknown }> {
  try {
    const { payload, protectedHeader } = await compactVerify(jws.trim(), createLocalJWKSet(keys), {
      algorithms: ['ES256'],
    });
    if (protectedHeader.typ !== type) throw new Error(`typ is not ${type}`);
    return { kid: String(protectedHeader.kid), content: JSON.parse(Buffer.from(payload).toString()) };
  } catch (cause) {
    throw new HubError('record_invalid', 400, 'The record is not one that any of these keys has signed.', { cause });
  }
}

function parsed<T>(schema: z.ZodType<T>, value: unknown): T {
  const { success, data } = schema.safeParse(value);
  if (!success) throw new HubError('record_invalid', 400, 'The record does not have the form of one.');
  return data;
}

function octets(text: string): Buffer {
  return Buffer.from(text, 'base64url');
}

function broken(what: string): HubError {
  return new HubError('history_broken', 400, `The history has been tampered with: ${what}.`);
}
