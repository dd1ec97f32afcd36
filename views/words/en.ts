import { enConsentReceipt } from './en_consent_receipt.ts';
import { enEnrolment } from './en_enrolment.ts';
import { enLatestConsent } from './en_latest_consent.ts';
import { enMail } from './en_mail.ts';
import { enPortal } from './en_portal.ts';
import type { Words } from './ja.ts';

/** The pages' words in plain English. */
export const en: Words = {
  layout: {
    skipToMain: 'Skip to main content',
    otherLanguage: '日本語',
    switches: 'Language and display settings',
    appearance: 'Display settings',
    textSize: 'Text size',
    textSizes: { standard: 'Standard', large: 'Large', extra_large: 'Extra large' },
    color: 'Colours',
    colors: { auto: 'Automatic', light: 'Light', dark: 'Dark' },
    sandbox: 'This is a test environment. Every person and card shown here is fictitious.',
    footer: 'Musubi is the shared front desk for signing in with a My Number Card.',
    footerPin:
      'You type your PIN only into the software on your own device. It is never sent to Musubi or to a service.',
    errorTitle: (title) => `Error: ${title}`,
  },
  party: {
    heading: 'The service you are signing in to',
    asking: 'The service that is asking',
    host: (host) => `Site: ${host}`,
    application: 'An app on your device',
  },
  signIn: {
    title: 'Sign in with My Number Card',
    stepsHeading: 'How it works',
    steps: (name) => [
      'Press the button below. A small window of your card software opens.',
      'In that window, check your card and type the four-digit PIN of your user certificate.',
      `When your card has been checked, this page takes you on to “${name}”.`,
    ],
    button: 'Sign in with My Number Card',
    pin: (name) => `Your PIN is sent neither to Musubi nor to “${name}”.`,
    cancel: (name) => `Go back to “${name}” without signing in`,
    noScriptTitle: 'Please switch on JavaScript',
    noScript:
      'Your card is connected to your own device, so this page has to call the software on that device to read it. JavaScript is needed for this call only. Switch it on in your browser’s settings, then reload the page.',
    timeLimit: (minutes) => `You can use this page for ${minutes} minutes. After that, `,
    reload: 'start again on a new page',
    timeLimitEnd: '.',
    certificateTitle: 'Sign in from the browser',
    certificate:
      'If your browser is set up to use the certificate on your card, you can also sign in here. When the browser asks which certificate to use, choose your user certificate.',
    certificateButton: 'Sign in with the browser’s certificate',
    helpTitle: 'If the card reader or the software does not work',
    help: [
      'Check that your card software is running.',
      'Reconnect the card reader and place your card on it again.',
      'If your browser blocks pop-up windows, allow them for this site.',
      'Three wrong PINs in a row lock the card. If that happens, have the PIN reset at the counter of your municipality.',
    ],
    helpLink: 'How to get and start the software',
    reason: (name) => `To sign in to “${name}”`,
    status: {
      opening: 'Opening the window of your card software.',
      waiting: 'Please continue in the window of your card software.',
      checking: 'Checking your card. Please wait.',
    },
    problem: {
      popup_blocked: {
        title: 'The small window could not be opened',
        body: 'Your browser blocks pop-up windows. Allow them for this site, then press the button again.',
      },
      agent_not_running: {
        title: 'Your card software does not answer',
        body: 'Start your card software, then press the button again.',
      },
      window_closed: {
        title: 'Reading the card was not finished',
        body: 'The software’s window was closed. To go on, press the button again.',
      },
      cancelled: {
        title: 'You stopped reading the card',
        body: 'To go on, press the button again.',
      },
      expired: {
        title: 'This page can no longer be used',
        body: 'To keep you safe, an old page cannot be used to sign in. Please start again on a new page.',
      },
    },
  },
  certificateProblem: {
    again: 'Try again with a certificate',
    anotherTitle: 'To use another card or certificate',
    another: [
      'Take the card off the card reader and put the one you want to use on it.',
      'Press “Try again with a certificate”. When the browser asks which certificate to use, choose your user certificate.',
      'If the browser does not ask, it remembers your last choice. Close all windows of the browser, then start signing in again at the site of the service.',
    ],
    otherWay: 'Sign in another way',
  },
  consent: {
    title: 'Share your information?',
    lead: (name) => `“${name}” asks for the information below. Whether to share it is your decision.`,
    purpose: 'Purpose',
    noPurpose: 'This service has not registered a purpose.',
    claims: 'Information to share',
    claimsHint:
      'The service cannot be used without the items marked “Required”. Of the items marked “Optional”, choose only those you want to share.',
    required: 'Required',
    optional: 'Optional',
    unavailable: 'Not shared',
    withheld: {
      not_held: 'The service asks for this, but Musubi does not hold it.',
      not_connected:
        'The service asks for this, but you are not connected with an insurer, card issuer or the like that has it.',
      not_accepted: 'This service is not allowed to receive this. It asks for it, but it is never shared.',
    },
    connectLink: 'Connect an insurer or card issuer',
    connectHint: 'When that is done, come back here and load this page again.',
    reload: 'Load this page again',
    source: 'Where it comes from: ',
    asked: 'It is asked when the information is shared.',
    keptTitle: 'What you decided before',
    keptHint: 'These items stay as you decided.',
    keptGranted: 'Shared',
    keptDeclined: 'Not shared',
    claimPurpose: (purpose) => `What this is for: ${purpose}`,
    sealed: 'It is sent encrypted by where it comes from. Only this service can open it; Musubi cannot read it.',
    periodTitle: 'How long should this consent last?',
    periods: {
      lasting: { label: 'Until it expires or you withdraw it', hint: 'You are asked again only when more is wanted.' },
      once: { label: 'This time only', hint: 'Shared for this sign-in only. Next time you are asked again.' },
      every_time: {
        label: 'Ask me every time',
        hint: 'Shared for this sign-in only. Next time you are asked again, with what you chose now.',
      },
    },
    duration: 'How long your consent lasts',
    once: 'This time only',
    days: (days) => `${days} days from today`,
    untilWithdrawn: 'Until you withdraw it',
    offline: 'The service can receive what you agreed to also while you are not using it.',
    statusCheck:
      'As long as it lasts, the service may check whether your card can still be used and what you registered is still right. It is not told what has changed, or why.',
    policies: 'The service’s terms',
    privacyPolicy: 'Privacy policy',
    terms: 'Terms of use',
    newTab: ' (opens in a new tab)',
    agree: 'I agree',
    refuse: 'I do not agree',
    refusing: (name) => `If you do not agree, nothing is shared and you go back to “${name}”.`,
  },
  enrolment: enEnrolment,
  latestConsent: enLatestConsent,
  consentReceipt: enConsentReceipt,
  mail: enMail,
  portal: enPortal,
  notices: {
    title: 'Notices',
    lead: 'Something about your registration has changed. Please check before you go on.',
    kinds: {
      card_renewed: {
        title: 'Your new card has taken the old one’s place',
        body: 'By the authority’s records the new card is yours, as the old one was. The old card can no longer be used to sign in.',
        next: 'If you do not know of this, contact a website that you use.',
      },
      device_added: {
        title: 'Another card or phone can be used to sign in',
        body: 'By the authority’s records another card or phone is yours as well, and now signs in as you.',
        next: 'If you do not know of this, contact a website that you use.',
      },
      registration_taken_over: {
        title: 'Your earlier registration was carried on',
        body: 'Somebody with the same name, address, date of birth and sex signed for it with a new card.',
        next: 'If you do not know of this, contact a website that you use at once.',
      },
      attributes_stale: {
        title: 'Please check what you have registered',
        body: 'The signing certificate that you registered with is no longer valid. Your name, address, date of birth or sex may have changed.',
        next: 'When you have a new signing certificate, choose “Register and sign in” on the sign-in page to register again. You can sign in as before.',
      },
      unusual_sign_in: {
        title: 'A card that had not been used for long signed in',
        body: 'A card or phone that had not signed in for 90 days or more has signed in.',
        next: 'If that was not you, check that you still have your card and phone. If one is missing, have it suspended at once.',
      },
      account_unlocked: {
        title: 'Your account is unlocked',
        body: 'The operator has lifted the lock, after making sure that it was you who asked. Your card signs in again.',
        next: 'If you did not ask for it, lock the account again at once, and contact the operator.',
      },
    },
    button: 'Continue',
  },
  sources: {
    hub: 'made by Musubi',
    card: 'the check of your card',
    signing_certificate: 'your signing certificate',
    provider: 'an insurer, a card issuer or the like',
  },
  sendForm: {
    title: 'Taking you to the next page',
    body: 'If nothing happens, press Continue.',
    button: 'Continue',
  },
  signOutConfirm: {
    title: 'Sign out?',
    body: 'If you sign out, Musubi also tells the other services that you are signed in to.',
    confirm: 'Sign out',
    stay: 'Stay signed in',
  },
  signedOut: {
    title: 'You have signed out',
    body: 'You have signed out of Musubi.',
    shared: 'Please take your card off the card reader. On a shared device, close the browser as well.',
    back: (name) => `Go back to “${name}”`,
  },
  signingOut: {
    title: 'Signing you out',
    body: {
      own: 'You are signed out of Musubi. We are now signing you out of the other services that you used Musubi to sign in to, one after the other.',
      anothers:
        'We are signing the person who used this browser before you out of their services. Then your sign-in goes on.',
    },
    services: 'Service by service',
    states: {
      waiting: 'Still to come',
      asked: 'Waiting for an answer',
      told: 'Signed out',
      not_told: 'Could not be confirmed',
    },
    next: 'If nothing happens by itself, choose “Continue”.',
    button: 'Continue',
  },
  partlySignedOut: {
    title: 'You may still be signed in to some services',
    signedOut: 'You are signed out of Musubi.',
    services: 'We could not sign you out of these services',
    close:
      'You may still be signed in there. Close all windows of your browser, or sign out at each of these services.',
    shared: 'Please take your card out of the card reader.',
    button: 'Continue',
  },
  error: {
    next: 'What to do next',
    reference: 'Reference number',
    referenceHint: 'Please give this number when you contact us.',
    back: (name) => `Go back to “${name}”`,
  },
  home: {
    title: 'Sign in to many services with your My Number Card',
    lead: 'Musubi (結び, “tying together”) is a shared front desk: with your My Number Card, it tells a service that you are the same person as last time.',
    peopleHeading: 'If you want to use a service',
    people: [
      'Choose to sign in with your My Number Card on the site of the service. It brings you here.',
      'A service learns only an identifier that is different for every service. Your name, address and so on are shared only if you agree.',
      'You type your PIN only into the software on your own device.',
    ],
    providersHeading: 'If you provide a service',
    providers: 'You can connect with OpenID Connect. What you need for it is published here.',
    issuer: 'Issuer',
    discovery: 'OpenID Connect discovery document',
    documentation: 'Guide to connecting',
  },
};
