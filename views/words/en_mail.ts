import type { MailWords } from './ja_mail.ts';

/** Words of the mails to people, English. */
export const enMail: MailWords = {
  subject: (hub) => `A notice from ${hub}`,
  codeSubject: (hub) => `${hub}: confirm your mail address`,
  opening: (hub) => `This is a notice from ${hub}.`,
  when: (time) => `When: ${time} (Japan time)`,
  consent: {
    title: (party) => `You agreed to share information with “${party}”`,
    body: 'What you agreed to share:',
    next: 'If you do not know of this, sign in to the page below and withdraw the consent.',
  },
  accountLocked: {
    title: 'Your account has been locked',
    body: 'Nobody can sign in to it, and whatever was signed in has been signed out.',
    next: 'If you do not know of this, or want it unlocked, contact the operator.',
  },
  addressRemoved: {
    title: 'This mail address is no longer registered',
    body: 'From now on no notices are sent here.',
    next: 'If you do not know of this, sign in to the page below and check what is registered.',
  },
  addressReplaced: {
    title: 'Notices go to another address now',
    body: 'From now on notices are sent to the newly registered address, and not here.',
    next: 'If you do not know of this, sign in to the page below and check what is registered.',
  },
  confirmation: {
    title: 'Confirm your mail address',
    body: 'To have notices sent to this address, type this code within 24 hours on the page that you are signed in to.',
    code: (code) => `Code: ${code}`,
    link: 'This page has the code filled in.',
    next: 'If you do not know of this, do nothing: the address will not be registered. Tell nobody the code.',
  },
  portal: 'Your own page:',
  footer: 'Nobody reads replies to this mail. On the page above you can change where notices go, or stop them.',
};
