import type { Client, Provider } from 'oidc-provider';
import type { AuditQueue } from '../audit/group_commit.ts';
import { achievedAcr, answeredAcr, CARD_AMR } from '../authentication/acr.ts';
import { readCardToken } from '../authentication/card_token.ts';
import type { Challenge, ChallengeBinding, Challenges } from '../authentication/challenge.ts';
import type { RevocationPolicies } from '../authentication/revocation_policy.ts';
import { checkChallengeSignature } from '../authentication/verify_card_token.ts';
import type { AuthenticCertificate, CertificateVerifier } from '../authentication/verify_certificate.ts';
import type { Consents } from '../consent/consents.ts';
import { HubError } from '../errors.ts';
import type { Identity } from '../identity/identity.ts';
import { policyRequest } from '../oidc/acr_request.ts';
import type { TokenHolder } from '../oidc/bearer_guard.ts';
import { isFirstUse } from '../oidc/replay_detection.ts';
import type { Clock } from '../world.ts';
import { readTlsStatement } from './tls_statement.ts';
import type { AuthenticationAnswer, AuthenticationQuestion } from './verifier_messages.ts';

/** Turns a certificate that was shown to a relying party into that relying party's own identifier. */
export interface Verifier {
  /**
   * A challenge for a holder who is at one of the relying party's pages.
   *
   * @throws HubError `origin_not_registered` (400).
   */
  challenge(party: TokenHolder, origin: string): Challenge;
  /**
   * Who holds this certificate, as the relying party knows them. Verified exactly as at a sign-in here, by the policy that
   * the relying party is registered with. Nothing of the certificate leaves, nor why one is refused that was revoked.
   *
   * @throws HubError `challenge_…`, `token_…`, `certificate_mismatch`, `statement_invalid`, `statement_used`,
   *   `proof_not_allowed`; as CertificateVerifier and Identity.subjectOf; `consent_required` (403) when the person has not
   *   agreed, or no longer, that this relying party knows them.
   */
  authenticate(party: TokenHolder, question: AuthenticationQuestion): Promise<AuthenticationAnswer>;
}

export interface VerifierWorld {
  engine(): Provider;
  readonly issuer: string;
  /** What a statement must be addressed to. */
  readonly endpoint: string;
  readonly challenges: Challenges;
  readonly certificates: CertificateVerifier;
  readonly policies: RevocationPolicies;
  readonly identity: Identity;
  readonly consents: Consents;
  readonly audit: Pick<AuditQueue, 'append'>;
  readonly clock: Clock;
}

type Proof = AuthenticationQuestion['proof'];

export function createVerifier(world: VerifierWorld): Verifier {
  const { challenges, certificates, policies, identity, consents, audit, clock, issuer } = world;

  /** Top to bottom: the proof spent → path → possession → revocation → subject → consent and disclosure → identifier. */
  async function authenticate(party: TokenHolder, question: AuthenticationQuestion): Promise<AuthenticationAnswer> {
    const { client, clientId } = party;
    const { proof } = question;
    const [leaf = new Uint8Array(), ...offered] = question.certificate.map((der) => Buffer.from(der, 'base64'));
    if (proof.type === 'challenge') await challenges.spend(proof.nonce, bindingOf(party, proof.origin));
    const authentic = certificates.authenticate(leaf, offered);
    const provedAt =
      proof.type === 'challenge'
        ? proveByChallenge(authentic, leaf, proof)
        : await proveByStatement(party, leaf, proof);

    const policy = policies.forRequest(policyRequest({}, client));
    const verified = await certificates.checkStatus(authentic, { purpose: 'sign_in', policy, clientId });
    const { subjectId } = await identity.subjectOf(verified);
    await verified.recorded;

    if (!(await consents.releaseIdentifier({ subjectId, clientId, exit: 'verifier' })))
      throw consentRequired(subjectId);
    const sub = await identity.pairwiseIdentifier(subjectId, party.sector);
    await audit.append(
      { kind: 'verifier.authenticated', actor: `client:${clientId}`, subjectId, clientId, data: { proof: proof.type } },
      clock(),
    );
    const acr = answeredAcr(achievedAcr(verified, proof.type === 'challenge' ? 'challenge' : 'tls'), []) ?? '';
    return { sub, acr, amr: [...CARD_AMR], auth_time: provedAt, iss: issuer };
  }

  /** The certificate is authentic; its key signed our nonce for the relying party's page. */
  function proveByChallenge(
    { certificate }: AuthenticCertificate,
    leaf: Uint8Array,
    proof: Proof & { type: 'challenge' },
  ): number {
    const token = readCardToken(proof.token);
    if (Buffer.compare(token.unverifiedCertificate, leaf) !== 0) {
      throw new HubError('certificate_mismatch', 403, 'The token was signed with another certificate.');
    }
    checkChallengeSignature(certificate, token, proof.origin, proof.nonce);
    return Math.floor(clock() / 1000);
  }

  /** An accredited relying party says that the holder completed a handshake with it. Each statement counts once. */
  async function proveByStatement(
    { client, clientId }: TokenHolder,
    leaf: Uint8Array,
    { statement }: Proof & { type: 'tls_statement' },
  ): Promise<number> {
    if (registeredProof(client) !== 'tls_statement') {
      throw new HubError('proof_not_allowed', 403, 'This relying party is not accredited for TLS statements.');
    }
    const said = await readTlsStatement(statement, { client, leaf, audience: world.endpoint, now: clock() });
    if (!(await isFirstUse(world.engine(), `${clientId} tls_statement`, said.jti, said.expiresAt))) {
      throw new HubError('statement_used', 403, 'The statement has been used already.');
    }
    return said.issuedAt;
  }

  return {
    challenge(party, origin) {
      const binding = bindingOf(party, origin);
      if (!originsOf(party.client).has(origin)) {
        throw new HubError('origin_not_registered', 400, 'No redirect_uri of this relying party has this origin.');
      }
      return challenges.issue(binding);
    },

    async authenticate(party, question) {
      try {
        return await authenticate(party, question);
      } catch (error) {
        if (!(error instanceof HubError)) throw error;
        await note(party, question, error);
        throw withoutReason(error);
      }
    },
  };

  async function note({ clientId }: TokenHolder, { proof }: AuthenticationQuestion, error: HubError): Promise<void> {
    const { subjectId } = error.details;
    await audit.append(
      {
        kind: 'verifier.refused',
        actor: `client:${clientId}`,
        clientId,
        ...(typeof subjectId === 'string' ? { subjectId } : {}),
        data: { code: error.code, proof: proof.type },
      },
      clock(),
    );
  }
}

/** What the operator registered it with: `challenge`, or also `tls_statement` for an accredited one. */
function registeredProof(client: Client): unknown {
  return Object(client.verifier).proof;
}

/** Like a sign-in's, bound to the relying party in place of a browser. */
function bindingOf({ clientId }: TokenHolder, origin: string): ChallengeBinding {
  return { origin, session: clientId, purpose: 'verifier' };
}

/** Where its pages are. An app's own scheme has no origin. */
function originsOf({ redirectUris = [] }: Client): ReadonlySet<string> {
  return new Set(redirectUris.map((uri) => new URL(uri).origin).filter((origin) => origin !== 'null'));
}

function consentRequired(subjectId: string): HubError {
  return new HubError('consent_required', 403, 'The person has not agreed that this relying party knows them.', {
    details: { subjectId },
  });
}

/**
 * A lost card, a leaked key and a death look the same to a relying party. What the authority says of a revocation is for
 * the verifier alone (Act, article 52(1)); the audit chain has our own code.
 */
function withoutReason(error: HubError): HubError {
  if (error.code !== 'certificate_revoked' && error.code !== 'certificate_on_hold') return error;
  return new HubError('certificate_revoked', 403, 'The certificate can no longer be used.', { cause: error });
}
