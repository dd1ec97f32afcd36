import { HubError } from '../../errors.ts';

/** @param why a phrase for the log, with nothing of the message in it */
export function signatureInvalid(why: string): HubError {
  return new HubError('saml_signature_invalid', 400, 'The signature of the message is not right.', {
    details: { why },
  });
}
