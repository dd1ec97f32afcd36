import type { AttributeValue } from '../attributes/attributes.ts';
import { attributeNames } from '../identity/four_attributes.ts';

/*
 * OpenID Connect for Identity Assurance 1.0: the same attributes as the plain claims, as a statement of how they were
 * verified. Of the standard's kinds of evidence a signing certificate would be an `electronic_signature`, which has to
 * name its serial number: that never leaves the hub. What stands behind the certificate is the resident register, so that the
 * evidence is an `electronic_record` of that, checked by the cryptography of the certificate (`vcrypt`).
 */

/** What the hub says of every verification; the trust framework's name is the operator's. */
export interface AssuranceSettings {
  readonly trustFramework: string;
  /** Names the keeper of the record. */
  readonly recordSource: string;
}

const EVIDENCE = 'electronic_record';
const RECORD = 'population_register';
const CHECK_METHOD = 'vcrypt';

/** What discovery tells of all this (OIDC4IDA §7). */
export function assuranceMetadata({ trustFramework }: AssuranceSettings): Record<string, unknown> {
  return {
    verified_claims_supported: true,
    trust_frameworks_supported: [trustFramework],
    claims_in_verified_claims_supported: attributeNames,
    evidence_supported: [EVIDENCE],
    electronic_records_supported: [RECORD],
    documents_check_methods_supported: [CHECK_METHOD],
  };
}

interface VerifiedClaimsRequest {
  readonly verification: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** Claims of the catalogue inside the `verified_claims` of a claims parameter, with what is said about each (`essential`). */
export function claimsToVerify(requested: unknown): Readonly<Record<string, unknown>> {
  return Object.assign({}, ...readRequests(requested).map(({ claims }) => claims));
}

/**
 * The answer to a request for `verified_claims`, from what may leave now; undefined where none of it can be given as asked.
 * Only what is still vouched for is a verified claim, whatever a plain claim may say of earlier.
 *
 * @param requested the member of the claims parameter: one request, or an array of them.
 * @param now milliseconds since 1970.
 */
export function answerVerifiedClaims(
  requested: unknown,
  values: Readonly<Record<string, AttributeValue>>,
  settings: AssuranceSettings,
  now: number,
): unknown {
  const answers = readRequests(requested).flatMap((request) => answer(request, values, settings, now) ?? []);
  return Array.isArray(requested) && answers.length > 1 ? answers : answers[0];
}

function answer(
  { verification, claims }: VerifiedClaimsRequest,
  values: Readonly<Record<string, AttributeValue>>,
  { trustFramework, recordSource }: AssuranceSettings,
  now: number,
): unknown {
  if (!allows(verification.trust_framework, trustFramework)) return undefined;
  const given = Object.keys(claims).flatMap((name) => {
    const held = values[name];
    const { provenance } = held ?? {};
    if (held === undefined || provenance === undefined || !provenance.isCurrent) return [];
    return isYoungEnough(verification.time, provenance.obtainedAt, now)
      ? [{ name, value: held.value, at: provenance.obtainedAt }]
      : [];
  });
  if (given.length === 0) return undefined;
  const time = new Date(Math.min(...given.map(({ at }) => at))).toISOString();
  return {
    verification: {
      trust_framework: trustFramework,
      ...('time' in verification && { time }),
      ...('evidence' in verification && {
        evidence: [
          {
            type: EVIDENCE,
            check_details: [{ check_method: CHECK_METHOD }],
            time,
            record: { type: RECORD, source: { name: recordSource } },
          },
        ],
      }),
    },
    claims: Object.fromEntries(given.map(({ name, value }) => [name, value])),
  };
}

/** A request without `verification` or `claims` is none (OIDC4IDA §6): nothing is answered to it. */
function readRequests(requested: unknown): readonly VerifiedClaimsRequest[] {
  return [requested].flat().flatMap((request) => {
    if (!isObject(request) || !isObject(request.verification) || !isObject(request.claims)) return [];
    const { verification } = request;
    const claims = Object.fromEntries(
      Object.entries(request.claims).filter(([name]) => attributeNames.some((attribute) => attribute === name)),
    );
    return [{ verification, claims }];
  });
}

/** A constraint of the claims parameter (OIDC Core §5.5.1): `value`, `values`, or none. */
function allows(constraint: unknown, actual: string): boolean {
  if (!isObject(constraint)) return true;
  const { value, values } = constraint;
  if (value !== undefined && value !== actual) return false;
  return !Array.isArray(values) || values.includes(actual);
}

/** `max_age` in seconds (OIDC4IDA §6.5.3). */
function isYoungEnough(constraint: unknown, obtainedAt: number, now: number): boolean {
  if (!isObject(constraint) || typeof constraint.max_age !== 'number') return true;
  return now - obtainedAt <= constraint.max_age * 1000;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
