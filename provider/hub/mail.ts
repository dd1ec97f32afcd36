import { readFileSync } from 'node:fs';
import type { Provider } from 'oidc-provider';
import { createSmtpTransport } from '../../adapters/mail/smtp_transport.ts';
import type { Configuration } from '../../config/schema.ts';
import type { Catalogue } from '../attributes/catalogue/catalogue.ts';
import { createMailAddresses, type MailAddresses } from '../notices_by_mail/mail_addresses.ts';
import { createMailDelivery, type MailDelivery, type MailTransport } from '../notices_by_mail/mail_delivery.ts';
import { mailText } from '../notices_by_mail/mail_text.ts';
import { createMailToPerson, type MailToPerson, noMail } from '../notices_by_mail/mail_to_person.ts';
import { nameInLanguage } from '../oidc/pages.ts';
import type { Base, Store } from './store.ts';

/* Wiring of the composition root: mail to people. */

export interface MailRooms {
  readonly toPerson: MailToPerson;
  /** Undefined where there is no way to send mail: then nobody is asked for an address. */
  readonly addresses: MailAddresses | undefined;
  readonly delivery: MailDelivery | undefined;
}

/** @param engine the one that runs when it is asked for. */
export function openMail(
  base: Base,
  { storage, vault }: Store,
  { catalogue, engine }: { catalogue: Catalogue; engine: () => Provider },
): MailRooms {
  const { config, clock, random, log, metrics } = base;
  const { branding, publicUrl } = config;
  const transport = config.mail ? smtpTransport(config.mail, branding.nameJa) : base.mail;
  if (!transport) return { toPerson: noMail, addresses: undefined, delivery: undefined };
  const words = {
    hub: { ja: branding.nameJa, en: branding.nameEn },
    ...{ publicUrl, catalogue },
    async partyName(clientId: string) {
      const client = await engine().Client.find(clientId);
      return client && { ja: nameInLanguage(client, 'ja'), en: nameInLanguage(client, 'en') };
    },
  };
  return {
    toPerson: createMailToPerson(vault),
    addresses: createMailAddresses({ storage, vault, clock, random }),
    delivery: createMailDelivery({
      ...{ storage, vault, transport, clock, random, log },
      text: (content, at) => mailText(words, content, at),
      observe: metrics.mailEnded,
    }),
  };
}

/** @param name that mails come from, beside the address. */
function smtpTransport(mail: NonNullable<Configuration['mail']>, name: string): MailTransport {
  const { host, port, security, user, passwordFile, authorityFile, from, timeoutSeconds, connections } = mail;
  return createSmtpTransport({
    ...{ host, port, security, connections },
    authorities: authorityFile === undefined ? undefined : readFileSync(authorityFile, 'utf8'),
    login:
      user === undefined || passwordFile === undefined
        ? undefined
        : { user, password: readFileSync(passwordFile, 'utf8').trimEnd() },
    from: { name, address: from },
    timeout: timeoutSeconds * 1000,
  });
}
