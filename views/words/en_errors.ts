import type { ErrorCode, ErrorText } from './ja_errors.ts';

const startAgain = 'Go back to the site of the service and start signing in again.';

const cardUnusable: ErrorText = {
  title: 'You cannot sign in with this card',
  body: 'The certificate on the card was checked, but it cannot be used here.',
  next: 'Check that it is your My Number Card and try again. If this keeps happening, ask at the counter of your municipality.',
};

const authorityUnusable: ErrorText = {
  title: 'The issuer of this card could not be confirmed',
  body: 'We could not follow the card’s certificate to an authority that this service trusts.',
  next: 'Use your own card and try again. If this keeps happening, ask whoever issued the card.',
};

const tokenUnusable: ErrorText = {
  title: 'Your card’s answer could not be read',
  body: 'What arrived from your card software was not right. You have not been signed in.',
  next: 'Please try again. If this keeps happening, update your card software.',
};

const unregistered: ErrorText = {
  title: 'This service is not registered',
  body: 'The site you came from is not known to Musubi as a registered service. To keep you safe, we stopped here.',
  next: 'Check the address of the site you came from. If it is the right one, please contact that service.',
};

const addressWrong: ErrorText = {
  title: 'The address to return to could not be confirmed',
  body: 'The site you came from named an address that differs from the registered one. To keep you safe, we stopped here.',
  next: 'Check the address of the site you came from. If it is the right one, please contact that service.',
};

const requestWrong: ErrorText = {
  title: 'The request of the site you came from has a mistake',
  body: 'We could not understand what the site you came from asked for.',
  next: 'Try again from that site. If this keeps happening, please contact that service.',
};

const tooOften: ErrorText = {
  title: 'Too many attempts',
  body: 'There were many attempts in a short time, so we paused for a while.',
  next: 'Wait a few minutes, then try again.',
};

const busy: ErrorText = {
  title: 'We are busy right now',
  body: 'For the moment we cannot take your request.',
  next: 'Please try again in a few minutes.',
};

/** By stable error code; the same codes as in Japanese. */
export const enErrors: Record<ErrorCode, ErrorText> = {
  account_locked: {
    title: 'This account is locked',
    body: 'The person of this card has locked their account on “My page”. As long as it is locked, nobody can sign in with it.',
    next: 'To unlock it, have the lock number ready that was shown then, and contact the operator’s desk. If you did not lock it, please contact them at once.',
  },
  too_many_reports: {
    title: 'No more can be sent today',
    body: 'You have sent many reports today already. This one was not sent.',
    next: 'Please send it tomorrow, or contact the operator’s desk if it is urgent. To stop every use, choose “Lock my account”.',
  },
  challenge_expired: {
    title: 'Time ran out',
    body: 'More than five minutes passed since the sign-in page was opened, so your card could not be checked.',
    next: 'Press the sign-in button on this page again.',
  },
  challenge_unknown: {
    title: 'The sign-in page could not be confirmed',
    body: 'We could not confirm that your card’s answer belongs to this page.',
    next: 'Press the sign-in button on this page again.',
  },
  challenge_spent: {
    title: 'This step is already done',
    body: 'The same answer of your card arrived twice. The second one was not accepted.',
    next: 'Press the sign-in button on this page again.',
  },
  challenge_wrong_session: {
    title: 'This was begun on another page',
    body: 'Your card’s answer was begun in another browser or window. To keep you safe, it was not accepted.',
    next: 'Close the other windows, then press the sign-in button on this page again.',
  },
  certificate_missing: {
    title: 'No certificate arrived',
    body: 'Your browser sent no certificate. Perhaps the window for choosing one, or the one for the PIN, was closed, or the browser found no certificate that can be used here. You have not been signed in.',
    next: 'Check that your card is on the card reader, then try again.',
  },
  certificate_step_over: {
    title: 'This step can no longer be used',
    body: 'The check of your certificate took too long, was already used once, or was not begun on this page. You have not been signed in.',
    next: 'Use the button below to have your certificate checked again.',
  },
  client_certificate_header: {
    title: 'Your certificate could not be read',
    body: 'What a server in between passed on about your certificate could not be read. You have not been signed in.',
    next: 'Please try again. If this keeps happening, sign in another way.',
  },
  token_malformed: tokenUnusable,
  token_signature_invalid: {
    title: 'Your card’s signature could not be confirmed',
    body: 'The answer of your card was not made for this site. You have not been signed in.',
    next: 'Check the address shown by your browser, then try again.',
  },
  certificate_malformed: cardUnusable,
  certificate_too_large: cardUnusable,
  certificate_algorithm: cardUnusable,
  certificate_critical_extension: cardUnusable,
  certificate_key: cardUnusable,
  certificate_key_usage: cardUnusable,
  certificate_policy: cardUnusable,
  certificate_profile: cardUnusable,
  certificate_is_authority: cardUnusable,
  certificate_unknown: cardUnusable,
  certificate_untrusted: {
    title: 'The issuer of this card could not be confirmed',
    body: 'We could not confirm that the card’s certificate was issued by the public personal authentication service (JPKI).',
    next: 'Use your own My Number Card and try again.',
  },
  certificate_anchor_expired: {
    title: 'The certificate on this card is too old',
    body: 'The authority certificate behind it has reached the end of its life, so it cannot be used.',
    next: 'Renew your certificate at the counter of your municipality.',
  },
  path_too_long: authorityUnusable,
  path_length_exceeded: authorityUnusable,
  path_not_authority: authorityUnusable,
  path_issuer_expired: authorityUnusable,
  path_critical_extension: authorityUnusable,
  path_name_constraints: authorityUnusable,
  path_policy: authorityUnusable,
  path_work_exceeded: authorityUnusable,
  certificate_expired: {
    title: 'Your certificate has expired',
    body: 'The user certificate on your card has expired, so it cannot be used to sign in.',
    next: 'Renew your certificate at the counter of your municipality. Its expiry date is not the one printed for the card itself.',
  },
  certificate_not_yet_valid: {
    title: 'This certificate cannot be used yet',
    body: 'The certificate on your card is not valid yet.',
    next: 'Please try again later. If this keeps happening, ask at the counter of your municipality.',
  },
  certificate_is_signing: {
    title: 'The signing certificate was used',
    body: 'Signing in needs the user certificate, not the signing certificate.',
    next: 'Choose the user certificate in your card software and type its four-digit PIN.',
  },
  certificate_is_user: {
    title: 'The user certificate was used',
    body: 'Signing a document needs the signing certificate, not the user certificate.',
    next: 'Choose the signing certificate in your card software and type its password of 6 to 16 characters.',
  },
  certificate_revoked: {
    title: 'This card cannot be used',
    body: 'The certificate on the card cannot be used at present.',
    next: 'Please ask at the counter of your municipality.',
  },
  certificate_superseded: {
    title: 'Your certificate has been renewed',
    body: 'This certificate was replaced by a new one and can no longer be used.',
    next: 'Use your new card and try again.',
  },
  certificate_on_hold: {
    title: 'This card is suspended',
    body: 'Use of the card was stopped after a report, for example that it was lost.',
    next: 'If you have the card, please go to the counter of your municipality.',
  },
  signing_certificate_revoked: {
    title: 'Your signing certificate is no longer valid',
    body: 'When something in your certificate of residence changes, such as after moving house, the signing certificate can no longer be used. The certificate for signing in may still work.',
    next: 'Get a new signing certificate at the counter of your municipality, then try again.',
  },
  signing_certificate_expired: {
    title: 'Your signing certificate has expired',
    body: 'The signing certificate on your card has expired, so it cannot sign.',
    next: 'Renew your certificates at the counter of your municipality, then try again.',
  },
  signing_certificate_not_accepted: {
    title: 'This signing certificate cannot be used here',
    body: 'We checked the signing certificate on your card and cannot accept it. Nothing has been recorded.',
    next: 'Make sure that it is your own My Number Card and try again. If it keeps happening, ask at the counter of your municipality.',
  },
  signed_document_unreadable: {
    title: 'The signed document did not arrive properly',
    body: 'What your card software sent is not a signed document. Nothing has been recorded.',
    next: 'Please try again. If it keeps happening, update the software.',
  },
  signed_document_changed: {
    title: 'What was signed is not what this page shows',
    body: 'The document that your card signed differs from the one on this page. To keep you safe, nothing has been recorded.',
    next: 'Check what it says and sign again.',
  },
  application_invalid: {
    title: 'The application could not be taken',
    body: 'Something in it cannot be accepted.',
    next: 'Please fill in the application again.',
  },
  attributes_unreadable: {
    title: 'Your signing certificate could not be read',
    body: 'Name, address, date of birth and sex do not stand in it as they should. Nothing has been recorded.',
    next: 'Please ask at the counter of your municipality.',
  },
  signing_step_over: {
    title: 'This document has become old',
    body: 'The time to sign it is over, or it has been used already. Nothing has been recorded.',
    next: 'Please sign once more on this page.',
  },
  signing_not_one_person: {
    title: 'We could not confirm that both certificates are yours',
    body: 'The authority did not confirm that the user certificate and the signing certificate belong together. To keep you safe, nothing has been recorded.',
    next: 'If your card was renewed lately, please try again later. If it keeps happening, ask at the counter of your municipality.',
  },
  signing_other_person: {
    title: 'This is not the card you signed in with',
    body: 'The card that signed is not registered as that of the person who signed in. To keep you safe, nothing has been recorded.',
    next: 'Please try again with the card that you signed in with. If it is the right one, contact the website that you came from.',
  },
  enrolment_not_offered: {
    title: 'You cannot register here',
    body: 'This site does not take registrations of name, address and so on.',
    next: 'Go back and continue to sign in.',
  },
  receipt_not_found: {
    title: 'There is no such record',
    body: 'This record of a consent does not exist, or is not yours.',
    next: 'Go back to the service and sign in again.',
  },
  latest_consent_invalid: {
    title: 'This consent could not be taken',
    body: 'What was sent is not what the page offered. Nothing has been recorded.',
    next: 'Please go back to the service and start again.',
  },
  latest_attributes_unavailable: {
    title: 'Your consent cannot reach the authority just now',
    body: 'We sent your consent to the certification authority and got no answer. Nothing has been recorded.',
    next: 'Please sign again in a few minutes. You can go on signing in without agreeing.',
  },
  linkage_unavailable: {
    title: 'Whether your card was renewed cannot be checked just now',
    body: 'This card is used here for the first time, so we asked the authority whether it replaces an older one, and got no answer. You have not been signed in.',
    next: 'Please try again in a few minutes. There is nothing wrong with your card.',
  },
  linkage_conflict: {
    title: 'This card could not be matched to your older one',
    body: 'The authority’s records and ours do not agree. To keep you safe, you have not been signed in.',
    next: 'Please contact the website that you came from. If this page shows a number, tell it to them.',
  },
  revocation_unavailable: {
    title: 'Your card cannot be checked right now',
    body: 'The service that tells whether a card is valid cannot be reached at the moment. Until it can, nobody is signed in.',
    next: 'Please try again in a few minutes. Nothing is wrong with your card.',
  },
  other_person: {
    title: 'This card belongs to someone else',
    body: 'The service asks again for the card of the person who is signed in now.',
    next: 'Try again with the card of the person who signed in first.',
  },
  invalid_client: unregistered,
  unregistered_relying_party: unregistered,
  invalid_redirect_uri: addressWrong,
  saml_acs_unknown: addressWrong,
  invalid_request: requestWrong,
  saml_malformed: requestWrong,
  saml_encrypted: requestWrong,
  saml_relay_state_invalid: requestWrong,
  saml_service_unknown: {
    title: 'We could not confirm the site you came from',
    body: 'What arrived could not be confirmed as a request of a service that is registered with Musubi. To keep you safe, we stopped here.',
    next: 'Check the address of the site you came from. If it is the right one, please contact that service.',
  },
  saml_request_stale: {
    title: 'The request of the site you came from has run out',
    body: 'Too much time passed since you left that site, or its clock is wrong.',
    next: startAgain,
  },
  saml_request_replayed: {
    title: 'This request has been used already',
    body: 'The request of the site you came from was answered once. To keep you safe, the same request is not answered twice.',
    next: startAgain,
  },
  saml_response_unexpected: {
    title: 'This answer is no longer expected',
    body: 'What arrived from the site you came from answers nothing that was asked in this browser. Signing out may have finished already, or taken too long.',
    next: 'If you want to be sure that you are signed out everywhere, close all windows of your browser.',
  },
  saml_wrong_destination: {
    title: 'This request was meant for somewhere else',
    body: 'What arrived from the site you came from was not addressed to this Musubi. To keep you safe, we stopped here.',
    next: 'Try again from that site. If this keeps happening, please contact that service.',
  },
  interaction_expired: {
    title: 'This page can no longer be used',
    body: 'The sign-in that it belongs to is finished, has been open for too long, or was begun in another browser.',
    next: startAgain,
  },
  interaction_other_browser: {
    title: 'This was begun in another browser',
    body: 'The address belongs to a sign-in that was begun in another browser or window. To keep you safe, it cannot be continued here.',
    next: 'Go back to the page where you began, or start again from the site of the service.',
  },
  consent_refused: {
    title: 'You did not agree to share information',
    body: 'Nothing was shared.',
    next: 'Go back to the site of the service. If you change your mind, you can sign in again.',
  },
  form_forged: {
    title: 'We could not confirm where this came from',
    body: 'What arrived could not be confirmed as sent from a page of Musubi. Nothing was changed.',
    next: startAgain,
  },
  attribute_provider_unknown: {
    title: 'This provider cannot be used',
    body: 'The insurer or card issuer that was chosen is not registered, or is not active at the moment.',
    next: 'Go back to the list and choose again.',
  },
  membership_entry_invalid: {
    title: 'Please check what you entered',
    body: 'Something is missing, too long, or has characters that cannot be used.',
    next: 'Enter it again as it stands on your insurance certificate or card.',
  },
  membership_attributes_needed: {
    title: 'You have to be registered first',
    body: 'Your name and address are not registered here, or are out of date because your signing certificate was revoked.',
    next: 'Register with your signing certificate, then try again.',
  },
  membership_not_confirmed: {
    title: 'Your membership was not confirmed',
    body: 'The provider says that it knows nobody with what you entered and your registered name and address.',
    next: 'Check what you entered. If you have moved lately, please ask the provider.',
  },
  membership_taken: {
    title: 'Already registered',
    body: 'This customer is registered here as another person.',
    next: 'If that is not you, please contact us.',
  },
  membership_sign_in_unknown: {
    title: 'Please start connecting again',
    body: 'This was not started in this sign-in, has taken too long, or is finished already.',
    next: 'Start again with the button below.',
  },
  membership_sign_in_cancelled: {
    title: 'Not connected',
    body: 'The sign-in or the consent at the provider was cancelled.',
    next: 'If you want to connect, start again with the button below.',
  },
  membership_sign_in_failed: {
    title: 'It could not be connected',
    body: 'What came of your sign-in at the provider could not be verified, so nothing was connected.',
    next: 'Please try again. If it keeps happening, ask the provider.',
  },
  attribute_provider_unavailable: {
    title: 'The provider does not answer',
    body: 'There is no answer from the insurer or card issuer at the moment.',
    next: 'Wait a moment, then try again.',
  },
  mail_address_invalid: {
    title: 'This is not a mail address that we can write to',
    body: 'What was entered does not have the form of a mail address. Nothing has been changed.',
    next: 'Check the address and enter it again.',
  },
  mail_code_wrong: {
    title: 'This is not the right code',
    body: 'The code differs from the one that we sent. The address is not registered yet.',
    next: 'Enter the code of the mail that came last. After several mistakes it can no longer be used.',
  },
  mail_code_expired: {
    title: 'This code can no longer be used',
    body: 'Its time is over, another code has been sent, or the address has been confirmed already.',
    next: 'Check what is registered and, if need be, enter your mail address again.',
  },
  mail_confirmations_too_many: {
    title: 'No more codes can be sent today',
    body: 'Several codes have been sent within a short time. Nothing has been changed.',
    next: 'Please try again tomorrow.',
  },
  too_many_attempts: tooOften,
  too_many_requests: tooOften,
  request_too_large: {
    title: 'Too much was sent',
    body: 'What arrived was larger than allowed and was not accepted.',
    next: startAgain,
  },
  bad_request: {
    title: 'What was sent could not be read',
    body: 'What arrived did not have the right form. Nothing was changed.',
    next: startAgain,
  },
  not_found: {
    title: 'Page not found',
    body: 'The page you are looking for may have moved, or may never have been here.',
    next: 'Check the address. If you were signing in, start again from the site of the service.',
  },
  server_error: {
    title: 'Something went wrong at Musubi',
    body: 'Because of a problem on our side, we could not finish. We are sorry for the trouble.',
    next: 'Please wait a little and try again. If this keeps happening, contact us with the number below.',
  },
  temporarily_unavailable: busy,
  storage_unavailable: busy,
  sign_out_failed: {
    title: 'Signing out was not finished',
    body: 'We could not confirm the request to sign out. You may still be signed in.',
    next: 'Sign out again, or close all windows of your browser.',
  },
  unknown: {
    title: 'We could not finish',
    body: 'A problem came up, and we stopped here.',
    next: startAgain,
  },
};
