import type { Storage } from '../../storage.ts';
import type { Clock } from '../../world.ts';
import { MAX_REFERENCE_LIFETIME } from './provider_messages.ts';
import { type ProviderQuestions, ProviderSilent } from './provider_questions.ts';

/** What relying parties may still fetch at providers, by access tokens that were handed on as distributed claims. */
export interface ProviderPermissions {
  /**
   * Tells each provider that has given such tokens under this consent that it is over. One that does not hear it ends by itself:
   * no token lives longer than MAX_REFERENCE_LIFETIME.
   */
  end(subjectId: string, consentId: string): Promise<void>;
}

export function createProviderPermissions(world: {
  storage: Pick<Storage, 'providers'>;
  questions: Pick<ProviderQuestions, 'withdrawal'>;
  clock: Clock;
  /** Hears which provider could not be told. */
  onSilence(providerId: string, silence: ProviderSilent): void;
}): ProviderPermissions {
  const { storage, questions, clock, onSilence } = world;
  return {
    async end(subjectId, consentId) {
      const since = clock() - MAX_REFERENCE_LIFETIME * 1000;
      const providers = await storage.providers.withReferences(subjectId, consentId, since);
      await Promise.all(
        providers.map((provider) =>
          questions.withdrawal(provider, consentId).catch((error: unknown) => {
            if (!(error instanceof ProviderSilent)) throw error;
            onSilence(provider.id, error);
          }),
        ),
      );
    },
  };
}
