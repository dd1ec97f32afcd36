import { createPublicKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { JSONWebKeySet, JWK } from 'jose';
import type { ProviderAdministration } from '../../../provider/attributes/providers/provider_administration.ts';
import { writeFileAtomically } from '../authority/write_file.ts';
import { generateProviderKey } from './attribute_provider.ts';
import type { SandboxProvider } from './sandbox_providers.ts';

/** The key that a provider signs its answers with: made at first start, and kept in the folder for its owner only. */
export async function ensureProviderKey(folder: string, name: string): Promise<{ file: string; keys: JSONWebKeySet }> {
  const file = join(folder, `attribute-provider-${name}.json`);
  let privateJwk: JWK;
  try {
    privateJwk = JSON.parse(await readFile(file, 'utf8')) as JWK;
  } catch {
    privateJwk = generateProviderKey();
    await writeFileAtomically(file, `${JSON.stringify(privateJwk)}\n`);
  }
  const { kty, crv, x, y } = createPublicKey({ key: privateJwk, format: 'jwk' }).export({ format: 'jwk' });
  const { alg, use, kid } = privateJwk;
  return { file, keys: { keys: [{ kty, crv, x, y, alg, use, kid }] as JSONWebKeySet['keys'] } };
}

interface RegisteredProvider {
  readonly provider: SandboxProvider;
  readonly url: string;
  readonly keys: JSONWebKeySet;
}

/** Registers the providers at the hub with all that they offer; those that are registered get the addresses of now. */
export async function registerProviders(
  register: ProviderAdministration,
  running: readonly RegisteredProvider[],
): Promise<void> {
  const known = new Map((await register.list()).map((provider) => [provider.id, provider]));
  for (const each of running) {
    const { id, forms, offers, openId } = each.provider;
    const registered = known.get(id);
    if (registered?.url === each.url && registered.forms.length === forms.length) continue;
    if (registered && !openId) {
      await register.set(id, { url: each.url, forms });
      continue;
    }
    // Another issuer is another provider, whose customers are other people.
    if (registered) await register.remove(id);
    await register.add(registrationAt(each));
    await register.offer(id, offers, true);
  }
}

/** As an operator would write it. */
export function registrationAt({ provider, url, keys }: RegisteredProvider): Readonly<Record<string, unknown>> {
  const { id, kind, names, entries, forms, openId } = provider;
  if (!openId) return { id, kind, names, entries, forms, url, keys };
  const { clientId, scope, places } = openId;
  return { id, kind, names, interface: 'userinfo', issuer: url, client_id: clientId, scope, claims: places };
}
