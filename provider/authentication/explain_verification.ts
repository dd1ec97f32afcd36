import { HubError } from '../errors.ts';
import { attributesPresent, readFourAttributes } from '../identity/four_attributes.ts';
import {
  type Certificate,
  certificateSteps,
  documentSteps,
  PkiError,
  readCertificateFile,
  verifySignedDocument,
} from '../pki/index.ts';
import { readCardToken } from './card_token.ts';
import type { RevocationPolicy } from './revocation.ts';
import { checkChallengeSignature } from './verify_card_token.ts';
import type { CertificateVerifier, VerifiedCertificate } from './verify_certificate.ts';

/** What somebody asks about: a file with a certificate and those sent along, or what a card agent made. */
export type Presented =
  | { readonly file: Uint8Array }
  | { readonly document: Uint8Array }
  | {
      readonly token: string;
      /** That it was signed for; the hub's own unless told. */
      readonly origin?: string | undefined;
      readonly nonce: string;
    };

/** The steps of a sign-in, and of taking a signed document, in the order in which they are taken. */
const STEPS = {
  certificate: [...certificateSteps, 'revocation'],
  token: ['challenge', 'token', 'origin', ...certificateSteps, 'signature', 'revocation'],
  document: [...documentSteps, ...certificateSteps, 'revocation', 'attributes'],
} as const;
export type ExplainedStepName = (typeof STEPS)[keyof typeof STEPS][number];

/**
 * Never says whose certificate it is: no serial, and of name, address, date of birth and sex only whether they are there;
 * and not why the authority revoked it.
 */
export interface ExplainedStep {
  readonly step: ExplainedStepName;
  readonly result: 'passed' | 'failed' | 'not-reached' | 'not-checked';
  /** Of the error that the hub would answer with; only for `failed`. */
  readonly code?: string;
  readonly detail?: string;
}

export interface Explanation {
  readonly presented: keyof typeof STEPS;
  /** Id of the certificate profile. */
  readonly profile: string;
  /** Name of the revocation policy. */
  readonly policy: string;
  /** Every step that can be taken here was passed. */
  readonly accepted: boolean;
  readonly steps: readonly ExplainedStep[];
}

export interface ExplanationWorld {
  /** As it signs people in, without the record of decisions: nobody signs in by an explanation. */
  readonly certificates: CertificateVerifier;
  readonly profile: string;
  readonly policy: RevocationPolicy;
  /** Origin of the hub's own sign-in page. */
  readonly origin: string;
  /** As the operator calls an anchor, by its id. */
  anchorName(id: string): string;
}

/**
 * Takes the steps of a sign-in or of a signed document and tells what came of each, for an operator or an auditor. Nothing
 * is stored, and no challenge is spent: of a challenge only the browser session that it was given to could be asked.
 */
export async function explainVerification(presented: Presented, world: ExplanationWorld): Promise<Explanation> {
  const { certificates, profile, policy } = world;
  const kind = kindOf(presented);
  const account = new Account(STEPS[kind]);
  let accepted = false;
  try {
    const { der, offered, prove, conclude } = open(presented, world, account);
    const authentic = certificates.retrace(der, offered, (step) => account.begin(step));
    account.note('profile', profile);
    account.note('path', `anchor ${world.anchorName(authentic.anchor.id)}`);
    prove?.(authentic.certificate);
    account.begin('revocation');
    const verified = await certificates.checkStatus(authentic, { purpose: 'sign_in', policy, clientId: undefined });
    account.note('revocation', describeRevocation(verified));
    conclude?.(verified.certificate);
    account.pass();
    accepted = true;
  } catch (error) {
    if (error instanceof PkiError) account.fail(error.code, error.message);
    else if (error instanceof HubError) account.fail(error.code, describeRefusal(error, policy));
    else throw error;
  }
  return { presented: kind, profile, policy: policy.name, accepted, steps: account.steps };
}

function kindOf(presented: Presented): Explanation['presented'] {
  if ('token' in presented) return 'token';
  return 'document' in presented ? 'document' : 'certificate';
}

interface Opened {
  readonly der: Uint8Array;
  readonly offered: readonly Uint8Array[];
  /** That the key is theirs who presented it. A file proves nothing. */
  readonly prove?: (certificate: Certificate) => void;
  /** What is read from the certificate once all of it is verified. */
  readonly conclude?: (certificate: Certificate) => void;
}

function open(presented: Presented, world: ExplanationWorld, account: Account): Opened {
  if ('token' in presented) return openToken(presented, world, account);
  return 'document' in presented ? openDocument(presented, account) : openFile(presented, account);
}

function openFile({ file }: { file: Uint8Array }, account: Account): Opened {
  account.begin('structure');
  const [der = file, ...offered] = readCertificateFile(file);
  return { der, offered };
}

function openToken(
  { token, nonce, origin }: { token: string; nonce: string; origin?: string | undefined },
  world: ExplanationWorld,
  account: Account,
): Opened {
  account.leaveOut('challenge', 'only the browser that it was given to could be asked');
  account.begin('token');
  const unverified = readCardToken(token);
  account.note('token', unverified.algorithm);
  account.begin('origin');
  if (origin !== undefined && origin !== world.origin) {
    throw new HubError('token_origin_foreign', 403, 'The token is for another origin.', {
      details: { reason: `the sign-in page of this hub is at ${world.origin}` },
    });
  }
  return {
    der: unverified.unverifiedCertificate,
    offered: [],
    prove(certificate) {
      account.begin('signature');
      checkChallengeSignature(certificate, unverified, world.origin, nonce);
    },
  };
}

/** The signature over the document proves whose key it is, before anything else is asked of the certificate. */
function openDocument({ document }: { document: Uint8Array }, account: Account): Opened {
  const { content, unverifiedCertificate, signingTime } = verifySignedDocument(document, (step) => account.begin(step));
  const time = signingTime === undefined ? '' : `, signed ${shownTime(signingTime)} by the signer’s clock`;
  account.note('document', `${content.length} octets${time}`);
  return {
    der: unverifiedCertificate,
    offered: [],
    conclude(certificate) {
      account.begin('attributes');
      account.note('attributes', attributesPresent(readFourAttributes(certificate)).join(', ') || 'none');
    },
  };
}

/** Which step is being taken, and what came of those before. */
class Account {
  readonly #results: Map<ExplainedStepName, Omit<ExplainedStep, 'step'>>;
  #current: ExplainedStepName | undefined;

  constructor(steps: readonly ExplainedStepName[]) {
    this.#results = new Map(steps.map((step) => [step, { result: 'not-reached' }]));
  }

  begin(step: ExplainedStepName): void {
    this.pass();
    this.#current = step;
  }

  pass(): void {
    if (this.#current !== undefined) this.#set(this.#current, { result: 'passed' });
    this.#current = undefined;
  }

  fail(code: string, detail: string | undefined): void {
    if (this.#current !== undefined) this.#set(this.#current, { result: 'failed', code, ...(detail && { detail }) });
  }

  leaveOut(step: ExplainedStepName, detail: string): void {
    this.#set(step, { result: 'not-checked', detail });
  }

  note(step: ExplainedStepName, detail: string): void {
    const result = this.#results.get(step);
    if (result) this.#results.set(step, { ...result, detail });
  }

  get steps(): ExplainedStep[] {
    return [...this.#results].map(([step, result]) => ({ step, ...result }));
  }

  #set(step: ExplainedStepName, result: Omit<ExplainedStep, 'step'>): void {
    this.#results.set(step, { ...this.#results.get(step), ...result });
  }
}

function describeRevocation({ revocation, demand }: VerifiedCertificate): string {
  const { source, thisUpdate, nextUpdate } = revocation;
  return `good by ${source} of ${shownTime(thisUpdate)}, next ${shownTime(nextUpdate)}, policy ${demand.policy.name}`;
}

/** The log's words: they name the rule that was broken and never quote a certificate. */
function describeRefusal({ cause, details }: HubError, policy: RevocationPolicy): string | undefined {
  if (cause instanceof PkiError) return cause.message;
  const { source, asOf, until, reason, part } = details;
  if (typeof asOf === 'number' && typeof until === 'number') {
    return `by ${source} of ${shownTime(asOf)}, next ${shownTime(until)}, policy ${policy.name}`;
  }
  const words = reason ?? part;
  return words === undefined ? undefined : String(words);
}

function shownTime(time: number): string {
  return Number.isFinite(time) ? new Date(time).toISOString().replace('.000Z', 'Z') : 'never';
}
