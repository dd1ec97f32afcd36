import type { LatestConsentWords } from './ja_latest_consent.ts';

/** Words of letting one relying party be told the latest attributes, English. */
export const enLatestConsent: LatestConsentWords = {
  title: 'Keep this service up to date?',
  lead: (name) =>
    `When what you registered changes, such as after moving house, may “${name}” be told the new details? You decide.`,
  separator: ', ',
  section: {
    title: 'Keeping your details up to date',
    offer: (name) =>
      `When your details change, such as after moving house, “${name}” can be told the new ones without your registering again. You agree to that on another page, by signing.`,
    link: 'Keep this service up to date',
    isOn: (name) => `When your details change, “${name}” is told the new ones.`,
    items: 'Items',
    since: 'Agreed on',
    until: 'Until',
    change: 'Change items or renew',
    withdraw: 'Stop passing on new details',
    withdrawHint: 'This consent is withdrawn at once. You can still sign in and use everything else.',
  },
  facts: {
    when: 'When',
    whenText:
      'After what you registered has changed, and when this service asks. The new details come from the certification authority and are not kept once passed on.',
    until: 'Until',
    untilText: (day) => `${day} (ten years from the day after you agree)`,
    withdraw: 'Withdrawing',
    withdrawText: 'At any time, with one button on the page that asks what a service may be given.',
    refusing: 'If you do not agree',
    refusingText: 'Nothing changes to your disadvantage. You can sign in and give other details as before.',
  },
  itemsTitle: 'Items to keep up to date',
  itemsHint: 'Choose only what you want passed on. These are the items that this service asks for.',
  noItemTitle: 'Choose what to pass on',
  noItem: 'To agree, choose at least one item.',
  termsTitle: 'What you will sign that you agree to',
  need: 'To agree you need the password of your signing certificate (6 to 16 letters and digits) and the PIN of your user certificate (four digits).',
  agree: 'Agree and go on to sign',
  refuse: 'Do not agree',
  sign: {
    title: 'Sign your consent',
    lead: 'You sign the consent below with your card. Please check it.',
    document: 'Consent',
    stepsHeading: 'How to sign',
    steps: [
      'Press the button below. The window of your card software opens.',
      'Check the consent there, too, and type the PIN (four digits) and the signing password (6 to 16 letters and digits).',
      'When it is done, this page goes on by itself. Do not move the card until then.',
    ],
    button: 'Sign with the card and agree',
    pin: 'PIN and password are not sent to Musubi. After five wrong passwords in a row the password is blocked and has to be set anew, for example at your municipal office.',
    edit: 'Choose other items',
    reason: 'To agree that a service is told your latest details',
  },
};
