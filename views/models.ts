import { type PortalInputs, type PortalModels, portalBuilders } from './portal_models.ts';
import { appUrl, cleanText, localPath, longDate, mustBe, NAME_LIMIT, webUrl } from './safe_values.ts';
import type { ErrorText, Language, Words } from './words/words.ts';
import { errorText, wordsIn } from './words/words.ts';

export { cleanText, localPath, webUrl } from './safe_values.ts';

/** A relying party as its registration describes it: every text is a stranger's. */
export interface RelyingPartyInput {
  name: string;
  /** Where the person will be sent back to; its host is shown, since a name alone proves nothing. */
  returnUrl?: string | undefined;
  /** Shown only when https. */
  logoUrl?: string | undefined;
  privacyPolicyUrl?: string | undefined;
  termsUrl?: string | undefined;
}

export interface RelyingPartyModel {
  name: string;
  /** First letter, for who has no logo. */
  initial: string;
  /** The line under the name: the host, or that it is an app. */
  place: string | undefined;
  logoUrl: string | undefined;
  privacyPolicyUrl: string | undefined;
  termsUrl: string | undefined;
}

export interface SignInInput {
  relyingParty: RelyingPartyInput;
  /** Local paths that the two forms are sent to. */
  action: string;
  cancelAction: string;
  /** One-time form token; sent back as `csrf` by both forms. */
  csrf: string;
  /** The challenge; sent back as `nonce` beside the card's `token`. */
  nonce: string;
  /** Origin of the card agent; its page is `/sign`. */
  agentUrl: string;
  /** Where to get and how to start the card agent. */
  agentHelpUrl?: string | undefined;
  /** Local path that leads to the listener for client certificates, where there is one. */
  certificatePath?: string | undefined;
  /** Local path that shows this page anew, with a new challenge. */
  reloadPath: string;
  /** Local path of enrolment, where it is offered. */
  enrolmentPath?: string | undefined;
  /** Seconds that the challenge lives. */
  lifetimeSeconds: number;
  /** Why the last attempt was refused. */
  errorCode?: string | undefined;
}

export interface CertificateProblemInput {
  relyingParty: RelyingPartyInput;
  /** Why signing in with the browser's certificate did not work. */
  errorCode: string;
  /** Local path of another try, with a new handshake. */
  certificatePath: string;
  /** Local path of the sign-in page. */
  otherWayPath: string;
  /** Local path that the form for leaving is sent to, and its token. */
  cancelAction: string;
  csrf: string;
}

/**
 * Why a claim that is asked for cannot be given: nothing is held of it; the person is connected with no attribute provider that
 * has it; or the relying party may not be told it, whoever's it is.
 */
export type WithheldBecause = 'not_held' | 'not_connected' | 'not_accepted';

export interface ConsentClaimInput {
  name: string;
  /** Words of the catalogue. */
  label: Readonly<Record<Language, string>>;
  explanation: Readonly<Record<Language, string>>;
  /** One of the words' sources, or the name of an attribute provider. */
  source: 'hub' | 'card' | 'signing_certificate' | 'provider' | Readonly<Record<Language, string>>;
  required: boolean;
  /** Why it cannot be given: then it is shown, and never released. */
  withheld?: WithheldBecause | undefined;
  /** An optional claim that the person agreed to before stays ticked; a new one is never ticked for them. */
  checked?: boolean | undefined;
  /** What this claim is for, where it is for something of its own. */
  purpose?: string | undefined;
  /** Whether the hub cannot read it. */
  sealed?: boolean | undefined;
}

export type ConsentPeriod = 'lasting' | 'once' | 'every_time';

export type ConsentDuration = 'once' | 'until_withdrawn' | { days: number };

export interface ConsentInput {
  relyingParty: RelyingPartyInput;
  /** Local path that the form is sent to, with `decision` = `agree` or `refuse` and a `claims` field for each ticked one. */
  action: string;
  csrf: string;
  purpose?: string | undefined;
  claims: readonly ConsentClaimInput[];
  /** Local paths of the page where somebody connects with attribute providers, and of this page for after that. */
  connect?: { path: string; reloadPath: string } | undefined;
  /** What was decided before and stays as it is: shown folded. */
  kept?: readonly { label: Readonly<Record<Language, string>>; isGranted: boolean }[] | undefined;
  /** For how long the page has it chosen; the form sends it as `period`. `lasting` unless given. */
  period?: ConsentPeriod | undefined;
  /** Whether the person may sign the record of the decision, and has it chosen; undefined where nobody can. */
  signReceipt?: { checked: boolean } | undefined;
  duration: ConsentDuration;
  /** The relying party asks for access while the person is away (`offline_access`). */
  offline?: boolean | undefined;
  /** The relying party may ask whether the person's card and attributes are still good (status check, security events). */
  statusCheck?: boolean | undefined;
  /** Local path of enrolment, where it would bring what is asked for; and whether it is for the first time. */
  enrolment?: { path: string; again: boolean } | undefined;
  /** Letting this relying party be told the latest attributes, where that is possible or agreed. */
  latest?:
    | {
        /** Local path of the page that asks for it. */
        path: string;
        isOffered: boolean;
        /** What is agreed; times in milliseconds since 1970. */
        live?: { withdrawAction: string; items: readonly EnrolmentItem[]; since: number; until: number } | undefined;
      }
    | undefined;
}

export interface LatestConsentInput {
  relyingParty: RelyingPartyInput;
  purpose?: string | undefined;
  /** Local path that the form is sent to, with `decision` = `agree` or `refuse` and an `items` field for each ticked one. */
  action: string;
  csrf: string;
  items: readonly { name: EnrolmentItem; checked: boolean }[];
  /** The last day, `YYYY-MM-DD`. */
  until: string;
  isNothingChosen: boolean;
  /** Sentences of the consent that the person will sign. */
  terms: readonly string[];
}

/** What a person filled in, to be shown again. */
export interface EnrolmentFields {
  name: string;
  address: string;
  birthYear: string;
  birthMonth: string;
  birthDay: string;
  gender: string;
  takesOver: boolean;
  /** Somebody registered the same four attributes before, and the person is told so. */
  knowsOfEarlier: boolean;
}

type EnrolmentItem = 'name' | 'address' | 'birthdate' | 'gender';

export interface EnrolmentFormInput {
  relyingParty: RelyingPartyInput;
  action: string;
  /** Local path that leads back without enrolling. */
  backPath: string;
  csrf: string;
  fields: EnrolmentFields;
  problems?: Readonly<Partial<Record<EnrolmentItem, keyof Words['enrolment']['problems']>>> | undefined;
  /** What the person had written where the card says something else; `fields` hold what the card says. */
  written?: Readonly<Partial<Record<EnrolmentItem, string>>> | undefined;
  errorCode?: string | undefined;
  /** Whether enrolling is also signing in. */
  signsIn: boolean;
  /** Sentences of the application that the person will sign. */
  purpose: readonly string[];
  terms: readonly string[];
  termsUrl?: string | undefined;
}

export interface DocumentSignInput {
  /** Whose words the page has. */
  kind: 'enrolment' | 'latestConsent' | 'consentReceipt';
  /** Where the signed document is sent to, and where the form is shown again. */
  action: string;
  editAction: string;
  reloadPath: string;
  /** Sent back with either, the form token among them. */
  fields: Readonly<Record<string, string>>;
  nonce: string;
  /** As it will be signed. */
  document: string;
  agentUrl: string;
  agentHelpUrl?: string | undefined;
  lifetimeSeconds: number;
  errorCode?: string | undefined;
}

interface ShownDate {
  year: number | undefined;
  month: number | undefined;
  day: number | undefined;
}

export interface EnrolmentDoneInput {
  attributes: {
    name: string | undefined;
    address: string | undefined;
    birthdate: ShownDate | undefined;
    gender: 'female' | 'male' | 'unknown' | undefined;
  };
  hasSubstitutes: boolean;
  continuePath: string;
}

export interface NoticesInput {
  /** `at`: milliseconds since 1970. */
  notices: readonly { kind: keyof Words['notices']['kinds']; at: number }[];
  continuePath: string;
}

export interface ErrorInput {
  /** Stable code; one that has no words gets the general text. */
  code: string;
  /** What support looks up in the log. */
  reference?: string | undefined;
  relyingParty?: RelyingPartyInput | undefined;
  /** Where “back to …” leads; needs `relyingParty`. */
  backUrl?: string | undefined;
}

export interface SignOutConfirmInput {
  /** http(s) address or local path that the form is sent to. */
  action: string;
  /** Hidden fields of the form. */
  fields: Readonly<Record<string, string>>;
  /** The field that the confirming button adds; the other button adds none. Default: `logout` = `yes`. */
  confirm?: { name: string; value: string } | undefined;
}

export interface SendFormInput {
  /** Address that the form is sent to: http(s), or an app's own (`com.example.app:/callback`). */
  action: string;
  /** Hidden fields of the form. */
  fields: Readonly<Record<string, string>>;
}

export interface SignedOutInput {
  relyingParty?: RelyingPartyInput | undefined;
  backUrl?: string | undefined;
}

export interface SigningOutInput {
  /** Whose sign-out it is: of the person who sits there, or of the one before. */
  whose: 'own' | 'anothers';
  /** The services that the browser visits to sign out there; names are strangers' texts. */
  services: readonly { name: string; state: keyof Words['signingOut']['states'] }[];
  /** Local path of the next step. */
  continuePath: string;
}

export interface PartlySignedOutInput {
  /** Names of the services that could not be told. */
  services: readonly string[];
  /** Where the person was to be sent: http(s), or an app's own address. */
  continueUrl?: string | undefined;
}

export interface HomeInput {
  issuer: string;
  discoveryUrl: string;
  documentationUrl?: string | undefined;
}

/** What each page is given. */
export interface PageInputs extends PortalInputs {
  sign_in: SignInInput;
  certificate_problem: CertificateProblemInput;
  consent: ConsentInput;
  enrolment_form: EnrolmentFormInput;
  document_sign: DocumentSignInput;
  latest_consent: LatestConsentInput;
  enrolment_done: EnrolmentDoneInput;
  notices: NoticesInput;
  error: ErrorInput;
  send_form: SendFormInput;
  sign_out_confirm: SignOutConfirmInput;
  signed_out: SignedOutInput;
  signing_out: SigningOutInput;
  partly_signed_out: PartlySignedOutInput;
  home: HomeInput;
}
export type PageName = keyof PageInputs;

export interface Back {
  url: string;
  label: string;
}

interface EnrolmentNotice {
  kind: 'error' | 'warning';
  title: string;
  texts: readonly string[];
  /** To the fields that it is about. */
  links: readonly { field: string; text: string }[];
}

interface EnrolmentField {
  problem: string | undefined;
  written: string | undefined;
}

interface DatePart {
  id: string;
  name: string;
  label: string;
  value: string;
  size: number;
  autocomplete: string;
}

/** What each template reads: checked addresses, words in one language, nothing left to decide. */
export interface PageModels extends PortalModels {
  sign_in: {
    relyingParty: RelyingPartyModel;
    action: string;
    cancelAction: string;
    csrf: string;
    nonce: string;
    agentUrl: string;
    agentHelpUrl: string | undefined;
    certificatePath: string | undefined;
    reloadPath: string;
    enrolmentPath: string | undefined;
    lifetimeSeconds: number;
    minutes: number;
    error: ErrorText | undefined;
  };
  certificate_problem: ErrorText & {
    relyingParty: RelyingPartyModel;
    certificatePath: string;
    otherWayPath: string;
    cancelAction: string;
    csrf: string;
  };
  consent: {
    relyingParty: RelyingPartyModel;
    action: string;
    csrf: string;
    purpose: string;
    claims: readonly {
      name: string;
      label: string;
      explanation: string;
      source: string;
      isAsked: boolean;
      withheld: string | undefined;
      state: 'required' | 'optional' | 'unavailable';
      checked: boolean;
      purpose: string | undefined;
    }[];
    kept: readonly { label: string; state: string }[];
    periods: readonly { value: ConsentPeriod; label: string; hint: string; checked: boolean }[];
    signReceipt: { checked: boolean } | undefined;
    duration: string;
    offline: boolean;
    statusCheck: boolean;
    connect: { path: string; reloadPath: string } | undefined;
    enrolment: { path: string; again: boolean } | undefined;
    latest:
      | {
          path: string;
          isOffered: boolean;
          live: { withdrawAction: string; items: string; since: string; until: string } | undefined;
        }
      | undefined;
  };
  enrolment_form: {
    relyingParty: RelyingPartyModel;
    action: string;
    backPath: string;
    csrf: string;
    signsIn: boolean;
    notice: EnrolmentNotice | undefined;
    texts: readonly (EnrolmentField & {
      name: string;
      label: string;
      hint: string;
      value: string;
      autocomplete: string;
    })[];
    birthdate: EnrolmentField & { parts: readonly DatePart[] };
    gender: EnrolmentField & { choices: readonly { value: string; label: string; checked: boolean }[] };
    takesOver: boolean;
    knowsOfEarlier: boolean;
    purpose: readonly string[];
    terms: readonly string[];
    termsUrl: string | undefined;
  };
  document_sign: {
    texts: Words['enrolment']['sign'];
    action: string;
    editAction: string;
    reloadPath: string;
    fields: readonly { name: string; value: string }[];
    nonce: string;
    document: string;
    agentUrl: string;
    agentHelpUrl: string | undefined;
    lifetimeSeconds: number;
    error: ErrorText | undefined;
  };
  latest_consent: {
    relyingParty: RelyingPartyModel;
    purpose: string;
    action: string;
    csrf: string;
    items: readonly { name: EnrolmentItem; label: string; checked: boolean }[];
    until: string;
    isNothingChosen: boolean;
    terms: readonly string[];
  };
  enrolment_done: {
    attributes: readonly { label: string; value: string }[];
    hasSubstitutes: boolean;
    continuePath: string;
  };
  notices: {
    notices: readonly { title: string; body: string; next: string; at: string; dateTime: string }[];
    continuePath: string;
  };
  error: ErrorText & { reference: string | undefined; back: Back | undefined };
  send_form: { action: string; fields: readonly { name: string; value: string }[] };
  sign_out_confirm: {
    action: string;
    fields: readonly { name: string; value: string }[];
    confirm: { name: string; value: string };
  };
  signed_out: { back: Back | undefined };
  signing_out: {
    body: string;
    services: readonly { name: string; state: string }[];
    continuePath: string;
  };
  partly_signed_out: { services: readonly string[]; continueUrl: string | undefined };
  home: { issuer: string; discoveryUrl: string; documentationUrl: string | undefined };
}

/** A page's title, what its template reads, and the origins its pictures come from. */
export interface BuiltPage<Name extends PageName> {
  title: string;
  model: PageModels[Name];
  imageOrigins: readonly string[];
}

type Builders = { [Name in PageName]: (input: PageInputs[Name], language: Language) => BuiltPage<Name> };

/**
 * Makes the view model of a page. Optional addresses that are not http(s) (logos: https) are left out; a required one that
 * is wrong is our own mistake and throws.
 */
export function buildPage<Name extends PageName>(
  name: Name,
  input: PageInputs[Name],
  language: Language,
): BuiltPage<Name> {
  return builders[name](input, language);
}

const builders: Builders = {
  ...portalBuilders,

  sign_in(input, language) {
    const words = wordsIn(language);
    const relyingParty = relyingPartyModel(input.relyingParty, words);
    const error = input.errorCode === undefined ? undefined : errorText(input.errorCode, language);
    return {
      title: error ? words.layout.errorTitle(error.title) : words.signIn.title,
      imageOrigins: originsOf(relyingParty.logoUrl),
      model: {
        relyingParty,
        error,
        action: mustBe(localPath(input.action), 'action'),
        cancelAction: mustBe(localPath(input.cancelAction), 'cancelAction'),
        csrf: input.csrf,
        nonce: input.nonce,
        agentUrl: new URL(mustBe(webUrl(input.agentUrl), 'agentUrl')).origin,
        agentHelpUrl: webUrl(input.agentHelpUrl),
        certificatePath: localPath(input.certificatePath),
        reloadPath: mustBe(localPath(input.reloadPath), 'reloadPath'),
        enrolmentPath: localPath(input.enrolmentPath),
        lifetimeSeconds: input.lifetimeSeconds,
        minutes: Math.floor(input.lifetimeSeconds / 60),
      },
    };
  },

  certificate_problem(input, language) {
    const words = wordsIn(language);
    const relyingParty = relyingPartyModel(input.relyingParty, words);
    const text = errorText(input.errorCode, language);
    return {
      title: words.layout.errorTitle(text.title),
      imageOrigins: originsOf(relyingParty.logoUrl),
      model: {
        ...text,
        relyingParty,
        certificatePath: mustBe(localPath(input.certificatePath), 'certificatePath'),
        otherWayPath: mustBe(localPath(input.otherWayPath), 'otherWayPath'),
        cancelAction: mustBe(localPath(input.cancelAction), 'cancelAction'),
        csrf: input.csrf,
      },
    };
  },

  consent(input, language) {
    const words = wordsIn(language);
    const relyingParty = relyingPartyModel(input.relyingParty, words);
    return {
      title: words.consent.title,
      imageOrigins: originsOf(relyingParty.logoUrl),
      model: {
        relyingParty,
        action: mustBe(localPath(input.action), 'action'),
        csrf: input.csrf,
        purpose: cleanText(input.purpose ?? '', 500) || words.consent.noPurpose,
        claims: input.claims.map((claim) => consentClaim(claim, language)),
        kept: (input.kept ?? []).map(({ label, isGranted }) => ({
          label: cleanText(label[language], NAME_LIMIT),
          state: isGranted ? words.consent.keptGranted : words.consent.keptDeclined,
        })),
        periods: (['lasting', 'once', 'every_time'] as const).map((value) => ({
          value,
          ...words.consent.periods[value],
          checked: value === (input.period ?? 'lasting'),
        })),
        signReceipt: input.signReceipt,
        duration: durationText(input.duration, words),
        offline: input.offline === true,
        statusCheck: input.statusCheck === true,
        connect: input.connect && {
          path: mustBe(localPath(input.connect.path), 'connect'),
          reloadPath: mustBe(localPath(input.connect.reloadPath), 'reload'),
        },
        enrolment: input.enrolment && {
          path: mustBe(localPath(input.enrolment.path), 'enrolment'),
          again: input.enrolment.again,
        },
        latest: input.latest && latestModel(input.latest, language),
      },
    };
  },

  enrolment_form(input, language) {
    const words = wordsIn(language);
    const { enrolment } = words;
    const relyingParty = relyingPartyModel(input.relyingParty, words);
    const notice = enrolmentNotice(input, language);
    return {
      title: notice?.kind === 'error' ? words.layout.errorTitle(notice.title) : enrolment.title,
      imageOrigins: [],
      model: {
        relyingParty,
        action: mustBe(localPath(input.action), 'action'),
        backPath: mustBe(localPath(input.backPath), 'backPath'),
        csrf: input.csrf,
        signsIn: input.signsIn,
        notice,
        texts: (['name', 'address'] as const).map((name) => ({
          name,
          label: enrolment.fields[name],
          hint: enrolment.fields[`${name}Hint`],
          value: input.fields[name],
          autocomplete: name === 'name' ? 'name' : 'street-address',
          ...enrolmentField(input, name, words),
        })),
        birthdate: { ...enrolmentField(input, 'birthdate', words), parts: dateParts(input.fields, words) },
        gender: {
          ...enrolmentField(input, 'gender', words),
          choices: (['female', 'male', 'unspecified'] as const).map((value) => ({
            value,
            label: enrolment.fields.genders[value],
            checked: input.fields.gender === value,
          })),
        },
        takesOver: input.fields.takesOver,
        knowsOfEarlier: input.fields.knowsOfEarlier,
        purpose: input.purpose,
        terms: input.terms,
        termsUrl: webUrl(input.termsUrl),
      },
    };
  },

  document_sign(input, language) {
    const words = wordsIn(language);
    const texts = words[input.kind].sign;
    const error = input.errorCode === undefined ? undefined : errorText(input.errorCode, language);
    return {
      title: error ? words.layout.errorTitle(error.title) : texts.title,
      imageOrigins: [],
      model: {
        texts,
        error,
        action: mustBe(localPath(input.action), 'action'),
        editAction: mustBe(localPath(input.editAction), 'editAction'),
        reloadPath: mustBe(localPath(input.reloadPath), 'reloadPath'),
        fields: Object.entries(input.fields).map(([name, value]) => ({ name, value })),
        nonce: input.nonce,
        document: input.document,
        agentUrl: new URL(mustBe(webUrl(input.agentUrl), 'agentUrl')).origin,
        agentHelpUrl: webUrl(input.agentHelpUrl),
        lifetimeSeconds: input.lifetimeSeconds,
      },
    };
  },

  latest_consent(input, language) {
    const words = wordsIn(language);
    const { title, noItemTitle } = words.latestConsent;
    const relyingParty = relyingPartyModel(input.relyingParty, words);
    return {
      title: input.isNothingChosen ? words.layout.errorTitle(noItemTitle) : title,
      imageOrigins: originsOf(relyingParty.logoUrl),
      model: {
        relyingParty,
        purpose: cleanText(input.purpose ?? '', 500) || words.consent.noPurpose,
        action: mustBe(localPath(input.action), 'action'),
        csrf: input.csrf,
        items: input.items.map(({ name, checked }) => ({ name, checked, label: words.enrolment.fields[name] })),
        until: longDate(Date.parse(`${input.until}T12:00:00+09:00`), language),
        isNothingChosen: input.isNothingChosen,
        terms: input.terms,
      },
    };
  },

  enrolment_done(input, language) {
    const { enrolment } = wordsIn(language);
    const { done, fields } = enrolment;
    const { name, address, birthdate, gender } = input.attributes;
    const genders = { ...fields.genders, unknown: done.unknownGender };
    return {
      title: done.title,
      imageOrigins: [],
      model: {
        attributes: [
          { label: fields.name, value: name ?? done.none },
          { label: fields.address, value: address ?? done.none },
          {
            label: fields.birthdate,
            value: birthdate ? done.date(birthdate.year, birthdate.month, birthdate.day) : done.none,
          },
          { label: fields.gender, value: gender ? genders[gender] : done.none },
        ],
        hasSubstitutes: input.hasSubstitutes,
        continuePath: mustBe(localPath(input.continuePath), 'continuePath'),
      },
    };
  },

  notices(input, language) {
    const { notices } = wordsIn(language);
    const dates = new Intl.DateTimeFormat(language, { dateStyle: 'long', timeStyle: 'short', timeZone: 'Asia/Tokyo' });
    return {
      title: notices.title,
      imageOrigins: [],
      model: {
        notices: input.notices.map(({ kind, at }) => ({
          ...notices.kinds[kind],
          at: dates.format(at),
          dateTime: new Date(at).toISOString(),
        })),
        continuePath: mustBe(localPath(input.continuePath), 'continuePath'),
      },
    };
  },

  error(input, language) {
    const words = wordsIn(language);
    const text = errorText(input.code, language);
    return {
      title: words.layout.errorTitle(text.title),
      imageOrigins: [],
      model: { ...text, reference: input.reference, back: backLink(input, words, words.error.back) },
    };
  },

  send_form(input, language) {
    return {
      title: wordsIn(language).sendForm.title,
      imageOrigins: [],
      model: {
        action: mustBe(webUrl(input.action) ?? appUrl(input.action), 'action'),
        fields: Object.entries(input.fields).map(([name, value]) => ({ name, value })),
      },
    };
  },

  sign_out_confirm(input, language) {
    return {
      title: wordsIn(language).signOutConfirm.title,
      imageOrigins: [],
      model: {
        action: mustBe(localPath(input.action) ?? webUrl(input.action), 'action'),
        fields: Object.entries(input.fields).map(([name, value]) => ({ name, value })),
        confirm: input.confirm ?? { name: 'logout', value: 'yes' },
      },
    };
  },

  signed_out(input, language) {
    const words = wordsIn(language);
    return {
      title: words.signedOut.title,
      imageOrigins: [],
      model: { back: backLink(input, words, words.signedOut.back) },
    };
  },

  signing_out({ whose, services, continuePath }, language) {
    const { signingOut } = wordsIn(language);
    return {
      title: signingOut.title,
      imageOrigins: [],
      model: {
        body: signingOut.body[whose],
        services: services.map(({ name, state }) => ({ name: shortName(name), state: signingOut.states[state] })),
        continuePath: mustBe(localPath(continuePath), 'continuePath'),
      },
    };
  },

  partly_signed_out({ services, continueUrl }, language) {
    return {
      title: wordsIn(language).partlySignedOut.title,
      imageOrigins: [],
      model: {
        services: services.map(shortName),
        continueUrl: continueUrl === undefined ? undefined : (webUrl(continueUrl) ?? appUrl(continueUrl)),
      },
    };
  },

  home(input, language) {
    return {
      title: wordsIn(language).home.title,
      imageOrigins: [],
      model: {
        issuer: input.issuer,
        discoveryUrl: mustBe(webUrl(input.discoveryUrl), 'discoveryUrl'),
        documentationUrl: webUrl(input.documentationUrl),
      },
    };
  },
};

function latestModel(
  { path, isOffered, live }: NonNullable<ConsentInput['latest']>,
  language: Language,
): NonNullable<PageModels['consent']['latest']> {
  const { enrolment, latestConsent } = wordsIn(language);
  return {
    path: mustBe(localPath(path), 'latest'),
    isOffered,
    live: live && {
      withdrawAction: mustBe(localPath(live.withdrawAction), 'withdrawAction'),
      items: live.items.map((item) => enrolment.fields[item]).join(latestConsent.separator),
      since: longDate(live.since, language),
      until: longDate(live.until, language),
    },
  };
}

function shortName(name: string): string {
  return cleanText(name, NAME_LIMIT) || '?';
}

function relyingPartyModel(input: RelyingPartyInput, words: Words): RelyingPartyModel {
  const url = input.returnUrl !== undefined && URL.canParse(input.returnUrl) ? new URL(input.returnUrl) : undefined;
  const host = url !== undefined && /^https?:$/.test(url.protocol) ? url.host : undefined;
  const name = cleanText(input.name, NAME_LIMIT) || host || '?';
  const logoUrl = webUrl(input.logoUrl);
  let place: string | undefined;
  if (host !== undefined) place = words.party.host(host);
  else if (url !== undefined) place = words.party.application;
  return {
    name,
    initial: (Array.from(name)[0] ?? '?').toUpperCase(),
    place,
    logoUrl: logoUrl?.startsWith('https:') ? logoUrl : undefined,
    privacyPolicyUrl: webUrl(input.privacyPolicyUrl),
    termsUrl: webUrl(input.termsUrl),
  };
}

function consentClaim(claim: ConsentClaimInput, language: Language) {
  const words = wordsIn(language);
  const source = typeof claim.source === 'string' ? words.sources[claim.source] : claim.source[language];
  const given = claim.required ? ('required' as const) : ('optional' as const);
  const state = claim.withheld === undefined ? given : ('unavailable' as const);
  return {
    name: claim.name,
    label: cleanText(claim.label[language], NAME_LIMIT),
    explanation: cleanText(claim.explanation[language], 300),
    source: cleanText(source, NAME_LIMIT),
    /** It is not here: whoever has it is asked when it is given. */
    isAsked: typeof claim.source !== 'string',
    withheld: claim.withheld && words.consent.withheld[claim.withheld],
    state,
    checked: state === 'optional' && claim.checked === true,
    purpose: cleanText(claim.purpose ?? '', 300) || undefined,
    sealed: claim.sealed === true && state !== 'unavailable',
  };
}

const enrolmentItems: readonly EnrolmentItem[] = ['name', 'address', 'birthdate', 'gender'];
/** Where a link to an item leads: the first thing that can be filled in. */
const enrolmentAnchors: Readonly<Record<EnrolmentItem, string>> = {
  name: 'name',
  address: 'address',
  birthdate: 'birth-year',
  gender: 'gender',
};

function enrolmentField(
  { problems, written }: EnrolmentFormInput,
  item: EnrolmentItem,
  { enrolment }: Words,
): EnrolmentField {
  const problem = problems?.[item];
  const genders: Readonly<Record<string, string>> = enrolment.fields.genders;
  const text = item === 'gender' ? genders[written?.gender ?? ''] : written?.[item];
  return {
    problem: problem && enrolment.problems[problem](enrolment.fields[item]),
    written: text === undefined ? undefined : enrolment.written(text || enrolment.nothingWritten),
  };
}

function enrolmentNotice(input: EnrolmentFormInput, language: Language): EnrolmentNotice | undefined {
  const words = wordsIn(language);
  const { enrolment } = words;
  if (input.errorCode !== undefined) {
    const { title, body, next } = errorText(input.errorCode, language);
    return { kind: 'error', title, texts: [body, next], links: [] };
  }
  if (input.fields.knowsOfEarlier && Object.keys(input.problems ?? {}).length === 0) {
    return {
      kind: 'warning',
      title: enrolment.registeredBeforeTitle,
      texts: [enrolment.registeredBefore],
      links: [{ field: 'takes-over', text: enrolment.takesOver }],
    };
  }
  const withProblem = enrolmentItems.filter((item) => input.problems?.[item] !== undefined);
  const withDifference = enrolmentItems.filter((item) => input.written?.[item] !== undefined);
  const links = [...withProblem, ...withDifference].map((item) => ({
    field: enrolmentAnchors[item],
    text: enrolmentField(input, item, words).problem ?? enrolment.fields[item],
  }));
  if (withProblem.length > 0) return { kind: 'error', title: enrolment.problemsTitle, texts: [], links };
  if (withDifference.length === 0) return undefined;
  return { kind: 'warning', title: enrolment.differsTitle, texts: [enrolment.differs], links };
}

function dateParts({ birthYear, birthMonth, birthDay }: EnrolmentFields, { enrolment }: Words): readonly DatePart[] {
  const { year, month, day } = enrolment.fields;
  return [
    { id: 'birth-year', name: 'birth_year', label: year, value: birthYear, size: 6, autocomplete: 'bday-year' },
    { id: 'birth-month', name: 'birth_month', label: month, value: birthMonth, size: 4, autocomplete: 'bday-month' },
    { id: 'birth-day', name: 'birth_day', label: day, value: birthDay, size: 4, autocomplete: 'bday-day' },
  ];
}

function durationText(duration: ConsentDuration, words: Words): string {
  if (duration === 'once') return words.consent.once;
  if (duration === 'until_withdrawn') return words.consent.untilWithdrawn;
  return words.consent.days(duration.days);
}

function backLink(
  input: { relyingParty?: RelyingPartyInput | undefined; backUrl?: string | undefined },
  words: Words,
  label: (name: string) => string,
): Back | undefined {
  const url = webUrl(input.backUrl);
  if (url === undefined || input.relyingParty === undefined) return undefined;
  return { url, label: label(relyingPartyModel(input.relyingParty, words).name) };
}

function originsOf(url: string | undefined): string[] {
  return url === undefined ? [] : [new URL(url).origin];
}
