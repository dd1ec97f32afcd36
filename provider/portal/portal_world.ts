import type { Context } from 'koa';
import type { Catalogue } from '../attributes/catalogue/catalogue.ts';
import type { Memberships } from '../attributes/providers/memberships.ts';
import type { ProviderSignIns } from '../attributes/providers/provider_sign_ins.ts';
import type { MailAddresses } from '../notices_by_mail/mail_addresses.ts';
import type { Renderer } from '../web/render.ts';
import type { Clock } from '../world.ts';
import type { AccountLocks } from './account_locks.ts';
import type { MisuseReports } from './misuse_reports.ts';
import type { Portal } from './portal.ts';
import type { PortalPerson, PortalSessions } from './portal_session.ts';
import type { Records } from './records.ts';

export interface PortalWorld {
  /** The hub's public URL. */
  readonly issuer: string;
  readonly portal: Portal;
  readonly sessions: PortalSessions;
  readonly records: Records;
  readonly reports: MisuseReports;
  readonly locks: AccountLocks;
  readonly renderer: Renderer;
  readonly catalogue: Catalogue;
  readonly memberships: Memberships;
  readonly providerSignIns: ProviderSignIns;
  /** Undefined where the hub writes to nobody. */
  readonly mailAddresses: MailAddresses | undefined;
  /** Whether people can enrol here. */
  readonly enrolment: boolean;
  readonly clock: Clock;
}

/** Shows a page of this person’s. */
export type Show = (ctx: Context, person: PortalPerson, world: PortalWorld) => Promise<void>;
/** Does what a form of this person’s asks for. */
export type Act = (ctx: Context, person: PortalPerson, form: URLSearchParams, world: PortalWorld) => Promise<void>;
