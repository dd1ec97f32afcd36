// Settings for `new SAML(settings)` of @node-saml/node-saml, or for a strategy of @node-saml/passport-saml, where people sign in at
// Musubi; docs/saml.md tells how to use it. test/interop/saml/node_libraries.test.ts runs this very file; what it replaces there
// are names and paths.
import { readFileSync } from 'node:fs';

const read = (name) => readFileSync(`/etc/portal/${name}`, 'utf8');

export const settings = {
  issuer: 'https://portal.example.jp/saml/metadata',
  callbackUrl: 'https://portal.example.jp/saml/acs',
  logoutCallbackUrl: 'https://portal.example.jp/saml/slo',
  entryPoint: 'https://id.example.jp/saml/sso',
  logoutUrl: 'https://id.example.jp/saml/slo',
  idpIssuer: 'https://id.example.jp/saml/metadata',
  // Every certificate in the hub's metadata, one after the other.
  idpCert: read('musubi.pem').split(/(?=-----BEGIN)/),

  privateKey: read('saml.key'),
  publicCert: read('saml.crt'),
  decryptionPvk: read('saml.key'),
  signatureAlgorithm: 'sha256',
  digestAlgorithm: 'sha256',

  identifierFormat: 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
  // Else it asks for a sign-in by password, which the hub has none of.
  disableRequestedAuthnContext: true,
  wantAuthnResponseSigned: true,
  wantAssertionsSigned: true,
  // An answer is taken once, and only to a request of one's own.
  validateInResponseTo: 'always',
};
