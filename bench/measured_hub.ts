import { anchorSettings } from '../adapters/sandbox/hub_settings.ts';
import { startTestHub, type TestHub } from '../test/support/hub.ts';
import { startTestAuthority } from '../test/support/sandbox_authority.ts';

/**
 * The hub as it is, on the database that MUSUBI_TEST_DATABASE names, with the log a production hub writes; it ends with the
 * parent process. The authority runs in this process but sleeps: sign-ins are decided by the list that the hub holds.
 *
 * @param benchRoot a root of the benchmark's own that is trusted, too.
 */
export async function startMeasuredHub(benchRoot?: string): Promise<TestHub> {
  const authority = await startTestAuthority();
  const hub = await startTestHub({
    authority,
    unwatched: true,
    settings: {
      ...(benchRoot && {
        trust: {
          anchors: [
            ...(await anchorSettings(authority.dataFolder)),
            { name: 'bench', file: benchRoot, kind: 'signing' },
          ],
        },
      }),
      mutualTls: undefined,
      signIn: { tls: undefined },
      revocation: { refreshSeconds: 3600 },
      rateLimits: { signInAttempts: 1_000_000, unauthenticatedWrites: 1_000_000 },
    },
  });
  process.on('disconnect', async () => {
    await hub.stop();
    await authority.stop();
  });
  return hub;
}
