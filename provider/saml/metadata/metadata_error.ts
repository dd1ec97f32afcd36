import { HubError } from '../../errors.ts';

export type MetadataErrorCode =
  | 'saml_metadata_invalid'
  | 'saml_metadata_expired'
  | 'saml_metadata_signature_invalid'
  | 'saml_entity_not_found';

/** What is wrong with a metadata document, for the operator who brought it: `why` goes on after "The metadata". */
export function metadataError(code: MetadataErrorCode, why: string, cause?: unknown): HubError {
  return new HubError(code, 400, `The metadata ${why}.`, cause === undefined ? {} : { cause });
}

/** @throws HubError `saml_metadata_invalid` */
export function refuse(why: string, cause?: unknown): never {
  throw metadataError('saml_metadata_invalid', why, cause);
}

/** A value of the document as it may stand in a message: one line, of the length of a line. */
export function quoted(value: string): string {
  return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value);
}
