import type { ConsentReceiptWords } from './ja_consent_receipt.ts';

/** Words of signing the record of a consent, English. */
export const enConsentReceipt: ConsentReceiptWords = {
  wish: 'Sign the record of this consent with my card',
  wishHint:
    'Your decision is then kept with the signature of your signing certificate, too. Without it the record is signed by Musubi alone. You need the password of the signing certificate (6 to 16 letters and digits).',
  sign: {
    title: 'Sign the record of your consent',
    lead: 'Your consent is recorded already. If you like, sign the following with your card.',
    document: 'The record',
    stepsHeading: 'How to sign',
    steps: [
      'The button below opens the window of the program that reads your card.',
      'Check the content there, too, and enter the PIN (4 digits) and the signing password (6 to 16 letters and digits).',
      'When that is done, this page goes on by itself. Do not move the card until then.',
    ],
    button: 'Sign with the card',
    pin: 'Neither is sent to Musubi. The signing password is locked after 5 wrong attempts in a row, and has to be reset at a municipal office.',
    edit: 'Go on without signing',
    reason: 'Signing the record of your consent',
  },
};
