import { z } from 'zod';
import type { ProviderAdministration, ShownAttribute } from '../attributes/providers/provider_administration.ts';
import { registrationOf } from '../attributes/providers/provider_registration.ts';
import type { AttributeProvider } from '../attributes/providers/provider_store.ts';
import { checked } from './checked.ts';

const id = z.string().max(40);
const idSchema = z.object({ id });
const claims = z.array(z.string().max(64)).min(1).max(100);
const addSchema = z.object({ draft: z.unknown() });
const setSchema = z.object({ id, change: z.unknown() });
const offerSchema = z.object({ id, claims, offers: z.boolean() });
const acceptSchema = z.object({ clientId: z.string().max(1024), claims, accepts: z.boolean() });

/** As an operator writes it: what has been read can be changed and given back. */
type Registration = ReturnType<typeof registrationOf>;

/** Results of the handlers below. */
export interface AttributeProviderResults {
  'attribute_provider.add': Registration;
  'attribute_provider.list': readonly AttributeProvider[];
  'attribute_provider.show': Registration;
  'attribute_provider.set': Registration;
  'attribute_provider.remove': undefined;
  'attribute_provider.offer': undefined;
  'attribute_provider.accept': undefined;
  'attribute_provider.table': readonly ShownAttribute[];
}

/** What commands can ask of the register of attribute providers, by name. */
export function attributeProviderHandlers(
  providers: ProviderAdministration,
): Readonly<Record<keyof AttributeProviderResults, (args: unknown) => Promise<unknown>>> {
  return {
    'attribute_provider.add': async (args) => registrationOf(await providers.add(checked(addSchema, args).draft)),
    'attribute_provider.list': () => providers.list(),
    'attribute_provider.show': async (args) => registrationOf(await providers.show(checked(idSchema, args).id)),
    'attribute_provider.set': async (args) => {
      const { id: which, change } = checked(setSchema, args);
      return registrationOf(await providers.set(which, change));
    },
    'attribute_provider.remove': async (args) => providers.remove(checked(idSchema, args).id),
    'attribute_provider.offer': async (args) => {
      const said = checked(offerSchema, args);
      return providers.offer(said.id, said.claims, said.offers);
    },
    'attribute_provider.accept': async (args) => {
      const said = checked(acceptSchema, args);
      return providers.accept(said.clientId, said.claims, said.accepts);
    },
    'attribute_provider.table': () => providers.table(),
  };
}
