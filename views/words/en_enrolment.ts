import type { EnrolmentWords } from './ja_enrolment.ts';

/** Words of enrolment, English. */
export const enEnrolment: EnrolmentWords = {
  title: 'Register your details',
  lead: (name) =>
    `You register your name, address, date of birth and sex with the signing certificate on your My Number Card. You do this once. Whether “${name}” is told anything, you decide on a later page.`,
  leadSignIn:
    'You register your name, address, date of birth and sex with the signing certificate on your My Number Card, and are signed in at once. If you registered with an earlier card, you go on as the same person.',
  link: 'Register name, address and so on',
  linkHint: 'You need your signing password (6 to 16 letters and digits). You can sign in without registering.',
  renewLink: 'Register name, address and so on again',
  stale:
    'Your name, address, date of birth or sex may have changed since you registered. Please register again with your new signing certificate.',
  signInLinkTitle: 'You have a new card, or want to register your details',
  signInLink: 'Register and sign in',
  signInLinkText:
    'If your card was issued anew or lost and you are not recognised as the same person, you can carry on your registration with the signing certificate.',
  needTitle: 'What you need',
  need: [
    'Your My Number Card and a card reader (or a device that reads the card)',
    'The PIN of the user certificate (four digits)',
    'The password of the signing certificate (6 to 16 letters and digits)',
  ],
  withoutTitle: 'Under 15, or a card without a signing certificate',
  without:
    'Cards of people under 15 and cards with face recognition only have no signing certificate. Your details cannot be registered, but you can sign in. Services are not told your name.',
  withoutBack: 'Go on without registering',
  formTitle: 'Your application',
  formHint:
    'Write them as in your certificate of residence. Old forms of characters and full or half width make no difference.',
  fields: {
    name: 'Name',
    nameHint: 'Example: 山田　花子',
    address: 'Address',
    addressHint: 'From the prefecture down to house number, building and room. Example: 東京都千代田区霞が関２－１－３',
    birthdate: 'Date of birth',
    birthdateHint: 'Example: 1980, 1, 31',
    year: 'Year',
    month: 'Month',
    day: 'Day',
    gender: 'Sex',
    genders: { female: 'Female', male: 'Male', unspecified: 'Not stated' },
  },
  takesOver: 'I registered before, with another card',
  takesOverHint:
    'If there is a registration with the same name, address, date of birth and sex whose card can no longer be used, you carry it on.',
  purposeTitle: 'Purpose',
  termsTitle: 'What you agree to',
  termsLink: 'Terms of use',
  check: 'Check what you wrote',
  back: 'Go back without registering',
  problemsTitle: 'Some items need to be changed',
  problems: {
    missing: (field) => `${field}: please fill this in.`,
    too_long: (field) => `${field}: this is too long. Please use at most 200 characters.`,
    characters: (field) =>
      `${field}: there are characters that other devices cannot show. Please write an ordinary character instead.`,
    no_date: () => 'There is no such date of birth. Please check month and day.',
    year: () => 'Please write the year with four digits.',
  },
  differsTitle: 'What you wrote differs from your card',
  differs:
    'The items below now show what your signing certificate says. If that is right, press “Check what you wrote” again. If it is wrong, please ask at your municipal office.',
  written: (text) => `You wrote: ${text}`,
  nothingWritten: '(nothing)',
  registeredBeforeTitle: 'There is a registration like yours',
  registeredBefore:
    'Somebody registered with the same name, address, date of birth and sex, with a card that can no longer be used. If that was you, tick “I registered before, with another card” below and apply again. If it was not, apply again without the tick.',
  sign: {
    title: 'Sign the application',
    lead: 'You sign the application below with your card. Please check it.',
    document: 'Application',
    stepsHeading: 'How to sign',
    steps: [
      'Press the button below. The window of your card software opens.',
      'Check the application there, too, and type the PIN (four digits) and the signing password (6 to 16 letters and digits).',
      'When it is done, this page goes on by itself. Do not move the card until then.',
    ],
    button: 'Sign with the card and apply',
    pin: 'PIN and password are not sent to Musubi. After five wrong passwords in a row the password is blocked and has to be set anew, for example at your municipal office.',
    edit: 'Change what you wrote',
    reason: 'To register name, address, date of birth and sex',
  },
  done: {
    title: 'You are registered',
    lead: 'We registered what your signing certificate states:',
    substitutes: 'Some of these characters stand for others that the card cannot carry.',
    none: 'Not stated',
    next: 'From now on your PIN of four digits is enough to be recognised. When something changes, such as after moving house, we will ask you to register again.',
    button: 'Continue',
    unknownGender: 'Unknown',
    date: (year, month, day) =>
      [year ?? '????', month ?? '??', day ?? '??'].map((part) => String(part).padStart(2, '0')).join('-'),
  },
};
