import { createPrivateKey, type KeyObject, randomBytes, sign } from 'node:crypto';
import type { Agent } from 'node:http';
import { deflateRawSync } from 'node:zlib';
import { signingKeyOf } from '../provider/saml/signature/signing_keys.ts';
import { verifyEnveloped } from '../provider/saml/signature/verify_enveloped.ts';
import { readXml } from '../provider/saml/xml/read_xml.ts';
import { hiddenFields } from '../test/support/hidden_fields.ts';
import { Browser, type Outcome, type Target, timeSteps } from './driver.ts';

/** The service provider that the hub under measurement knows. */
export const SERVICE_PROVIDER = { entityId: 'https://sp.example/saml', acs: 'https://sp.example/acs' };

const RSA_SHA256 = 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256';

/** @param pem the private key that its requests are signed with. */
export async function samlTarget(issuer: string, pem: string): Promise<NonNullable<Target['saml']>> {
  const metadata = await (await fetch(`${issuer}/saml/metadata`)).text();
  const certificates = [...metadata.matchAll(/<ds:X509Certificate>([^<]+)</g)].map(([, text = '']) => text);
  const hubKeys = certificates.map(signingKeyOf).filter((key): key is KeyObject => key !== undefined);
  return { ...SERVICE_PROVIDER, privateKey: createPrivateKey(pem), hubKeys };
}

/** Complete sign-in of a new browser: signed request by redirect → pages → response, its signature verified. */
export async function signInBySaml(target: Target, agent: Agent): Promise<Outcome> {
  const { saml } = target;
  if (!saml) throw new Error(`${target.issuer} is not driven by SAML`);
  const browser = new Browser(agent, target.issuer);
  const { steps, timed } = timeSteps();
  const begin = performance.now();
  const id = `_${randomBytes(20).toString('hex')}`;
  let path = '/saml/sso';
  let answer = await timed('request', browser.send(`${path}?${signedRequest(saml, id, `${target.issuer}${path}`)}`));
  while (!answer.body.includes('data-send-form')) {
    if (answer.location) {
      const { pathname, search } = new URL(answer.location, target.issuer);
      path = pathname;
      answer = await timed('page', browser.send(pathname + search));
    } else {
      const { path: action, form } = target.answer(answer.body, path);
      answer = await timed('submit', browser.send(action, form));
    }
  }
  const response = Buffer.from(hiddenFields(answer.body).SAMLResponse ?? '', 'base64').toString();
  // The assertion by itself: the reader of signatures takes messages with one only.
  const [assertion = ''] = /<saml:Assertion[\s\S]*<\/saml:Assertion>/.exec(response) ?? [];
  verifyEnveloped(readXml(Buffer.from(assertion)), saml.hubKeys);
  const [, subject] = /<saml:NameID [^>]*>([^<]+)</.exec(assertion) ?? [];
  if (!subject || !assertion.includes(`InResponseTo="${id}"`)) throw new Error('the response is not for this sign-in');
  return { total: performance.now() - begin, steps, subject };
}

/** An AuthnRequest by redirect (SAML Bindings §3.4.4.1). */
function signedRequest({ entityId, acs, privateKey }: NonNullable<Target['saml']>, id: string, destination: string) {
  const xml = `<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="${id}" Version="2.0" IssueInstant="${new Date().toISOString()}" Destination="${destination}" AssertionConsumerServiceURL="${acs}"><saml:Issuer xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">${entityId}</saml:Issuer></samlp:AuthnRequest>`;
  const request = encodeURIComponent(deflateRawSync(xml).toString('base64'));
  const signed = `SAMLRequest=${request}&SigAlg=${encodeURIComponent(RSA_SHA256)}`;
  const signature = sign('sha256', Buffer.from(signed), privateKey).toString('base64');
  return `${signed}&Signature=${encodeURIComponent(signature)}`;
}
