import { type ChildProcess, fork } from 'node:child_process';
import { createHash, createPrivateKey, sign } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { join } from 'node:path';
import type { SoftCardFile } from '../adapters/card/soft_card_file.ts';
import { formAction, hiddenFields } from '../test/support/hidden_fields.ts';
import { discover, type Form, type Outcome, signIn, type Target } from './driver.ts';
import { processTreeCpu } from './process_cpu.ts';
import { samlTarget } from './saml_driver.ts';
import type { Usage } from './usage.ts';

const REDIRECT_URI = 'https://rp.example/callback';

/** A server under measurement, in a process of its own. */
export interface Contender {
  name: string;
  child: ChildProcess;
  target: Target;
  /** Processes whose CPU counts as the database's. */
  databasePid: number | undefined;
}

/** What one turn of a contender came to. */
export interface Round {
  cpu: number;
  databaseCpu: number;
  perSecond: number;
  outcomes: Outcome[];
  resident: number;
}

/** What a server under measurement says when it answers. */
interface Ready {
  issuer: string;
  clientId: string;
  clientSecret: string;
  /** Where the cards are, for a hub. */
  cards?: string;
  /** Whose cards sign in; every good one unless given. */
  people?: readonly string[];
  samlKey?: string;
}

/** The sandbox's citizens whose cards are in order. */
const GOOD = ['taro', 'ichiro', 'keiko', 'hanako', 'mei', 'tanaka-sub'];

/** Starts one of the servers of this folder; resolves when it answers. */
export async function startContender(
  name: string,
  script: string,
  args: readonly string[],
  environment: Record<string, string>,
  databasePid?: number,
): Promise<Contender> {
  const child = fork(join(import.meta.dirname, script), [REDIRECT_URI, ...args], {
    env: { ...process.env, ...environment, NODE_ENV: 'production' },
  });
  const [message] = await once(child, 'message');
  const { issuer, clientId, clientSecret, cards, people, samlKey } = (message as { ready: Ready }).ready;
  const common = {
    issuer,
    clientId,
    clientSecret,
    redirectUri: REDIRECT_URI,
  };
  const discovered = await discover(common.issuer);
  const answers = cards
    ? { scope: 'openid card_status', answer: cardHolder(common.issuer, readCards(cards, people ?? GOOD)) }
    : { scope: 'openid', answer: developmentPages };
  const saml = samlKey === undefined ? undefined : await samlTarget(common.issuer, samlKey);
  return { name, child, databasePid, target: { ...common, ...discovered, ...answers, saml } };
}

export async function drive(
  contender: Contender,
  signIns: number,
  concurrency: number,
  by: (target: Target, agent: Agent) => Promise<Outcome> = signIn,
): Promise<Round> {
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency });
  const before = await usageOf(contender);
  const start = performance.now();
  const outcomes: Outcome[] = [];
  let left = signIns;
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      while (left > 0) {
        left -= 1;
        outcomes.push(await by(contender.target, agent));
      }
    }),
  );
  const seconds = (performance.now() - start) / 1000;
  const after = await usageOf(contender);
  agent.destroy();
  return {
    cpu: (after.cpu - before.cpu) / signIns,
    databaseCpu: (after.databaseCpu - before.databaseCpu) / signIns,
    perSecond: signIns / seconds,
    outcomes,
    resident: after.resident,
  };
}

export async function usageOf({ child, databasePid }: Contender): Promise<Usage & { databaseCpu: number }> {
  const answer = answerOf<Usage>(child, 'usage');
  child.send('usage');
  return { ...(await answer), databaseCpu: databasePid ? processTreeCpu(databasePid) : 0 };
}

/** What the next message from a child that has `key` holds under it. */
export function answerOf<T>(child: ChildProcess, key: string): Promise<T> {
  return new Promise((resolve) => {
    const listen = (message: Record<string, T>) => {
      const answer = message[key];
      if (answer === undefined) return;
      child.off('message', listen);
      resolve(answer);
    };
    child.on('message', listen);
  });
}

/** Ends it, and resolves when it is gone. */
export async function endContender({ child }: Contender): Promise<void> {
  const ended = once(child, 'exit');
  child.disconnect();
  await ended;
}

/** The development interactions of oidc-provider: a login form that takes any name, then a consent form. */
function developmentPages(html: string, path: string): { path: string; form: Form } {
  const prompt = /name="prompt" value="([a-z]+)"/.exec(html)?.[1] ?? 'login';
  return { path, form: prompt === 'login' ? { prompt, login: 'bench', password: 'bench' } : { prompt } };
}

/** Signs as the card agent would, each time with the next card; agrees to everything the first time. */
function cardHolder(origin: string, cards: readonly Card[]): Target['answer'] {
  let turn = 0;
  return (html, path) => {
    const { csrf = '', nonce = '' } = hiddenFields(html);
    if (html.includes('value="agree"')) {
      const offered = [...html.matchAll(/type="checkbox" [^>]*name="claims" value="([^"]+)"/g)];
      const form: Form = [
        ['csrf', csrf],
        ['decision', 'agree'],
        ...offered.map(([, name = '']): [string, string] => ['claims', name]),
      ];
      return { path: `${path}/consent`, form };
    }
    const card = cards[turn % cards.length];
    turn += 1;
    if (!card) throw new Error('no card');
    const hash = (text: string) => createHash('sha256').update(text).digest();
    const signature = sign('sha256', Buffer.concat([hash(origin), hash(nonce)]), card.key);
    const token = JSON.stringify({
      format: 'web-eid:1.0',
      unverifiedCertificate: card.certificate,
      algorithm: 'RS256',
      signature: signature.toString('base64'),
      appVersion: 'bench',
    });
    return { path: new URL(formAction(html, 'data-sign-in-form', origin)).pathname, form: { csrf, nonce, token } };
  };
}

interface Card {
  certificate: string;
  key: ReturnType<typeof createPrivateKey>;
}

function readCards(folder: string, people: readonly string[]): Card[] {
  return readdirSync(folder)
    .filter((name) => people.includes(name.replace('.card.json', '')))
    .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as SoftCardFile)
    .map(({ user }) => ({ certificate: user.certificate, key: createPrivateKey(user.privateKey) }));
}

export function median(numbers: readonly number[]): number {
  return quantile(numbers, 0.5);
}

export function quantile(numbers: readonly number[], q: number): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}
