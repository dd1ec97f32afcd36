import assert from 'node:assert/strict';
import type { Arrival } from '../../provider/saml/bindings/arrival.ts';
import { readPost } from '../../provider/saml/bindings/post_binding.ts';
import { readRedirect } from '../../provider/saml/bindings/redirect_binding.ts';
import { readSoap } from '../../provider/saml/bindings/soap_binding.ts';
import { claimedIssuer, judgeArrival } from '../../provider/saml/judge_arrival.ts';
import { canonicalize } from '../../provider/saml/xml/canonical.ts';
import { MESSAGE_LIMITS, readXml } from '../../provider/saml/xml/read_xml.ts';
import type { XmlElement } from '../../provider/saml/xml/xml_element.ts';
import {
  attributeQuery,
  authnRequest,
  envelope,
  logoutRequest,
  logoutResponse,
  NOW,
  SP,
  SSO,
} from '../support/saml/messages.ts';
import { serviceProvider, signingIdentity } from '../support/saml/providers.ts';
import { postForm, redirectQuery, signed } from '../support/saml/sign.ts';
import { fixedRsaKey } from './fixed_keys.ts';
import { mutateText } from './mutate_text.ts';
import type { Parser } from './parser.ts';
import { BEYOND, describe } from './parser_tools.ts';
import type { Random } from './random.ts';

/* Messages of service providers: as XML, and by each of the bindings. */

const sender = await signingIdentity(fixedRsaKey('service provider'));
const { key } = sender;
/** Of one whose messages are all signed: whatever is accepted of them was. */
const registered = serviceProvider({ signingCertificates: [sender.certificate] }, { requireSignedRequests: true });
const kinds = ['AuthnRequest', 'LogoutRequest', 'LogoutResponse', 'AttributeQuery'] as const;
const circumstances = { door: { address: SSO, kinds }, now: NOW, tolerance: 15_000 };

const LIMIT = MESSAGE_LIMITS.octets;
const QUERY_LIMIT = 64 * 1024;
const WORDS = [
  ...[
    '<',
    '>',
    '/>',
    '</',
    '"',
    "'",
    '&',
    '&amp;',
    '&#x0;',
    '&#13;',
    ']]>',
    '<![CDATA[',
    '<!--',
    '-->',
    '<?x ?>',
    '<!DOCTYPE x>',
  ],
  ...[
    ' xmlns="urn:x"',
    ' xmlns:saml="urn:x"',
    ' xmlns:ds=""',
    ' ID="_genuine"',
    ' xml:id="_genuine"',
    'saml:',
    'samlp:',
    'ds:',
  ],
  ...[
    '<ds:Signature>',
    '<ds:Object>',
    '</ds:Object>',
    '</saml:Issuer>',
    '<saml:NameID>x</saml:NameID>',
    '\uFEFF',
    'é',
    '\u{10000}',
  ],
];
const QUERY_WORDS = [
  '&',
  '=',
  '%',
  '%00',
  '+',
  'SAMLRequest=',
  'SAMLResponse=',
  '&RelayState=',
  '&SigAlg=',
  '&Signature=',
  '%3D',
];

const messages = [authnRequest(), logoutRequest(), logoutResponse(), attributeQuery()];
const documents = messages.map((message) => signed(message, { key }));
const utf8 = (texts: readonly string[]) => texts.map((text) => Buffer.from(text));

/** As UTF-8, and at times as what is no UTF-8. */
function octetsOf(text: string, random: Random): Uint8Array {
  return Buffer.from(text, random.oneIn(8) ? 'latin1' : 'utf8');
}

const parameterOf = (text: string) => (text.includes(':LogoutResponse') ? 'SAMLResponse' : 'SAMLRequest');

function judge(arrival: Arrival): string {
  assert.equal(typeof claimedIssuer(arrival, kinds), 'string');
  const message = judgeArrival(arrival, registered, circumstances);
  assert.ok(message.isSigned, 'what is accepted was signed');
  assert.equal(message.issuer, SP);
  return describe([message, arrival.relayState ?? null]);
}

function describeXml({ prefix, local, namespace, attributes, declarations, children }: XmlElement): string {
  const inside = children.map((child) => (typeof child === 'string' ? child : describeXml(child)));
  return describe([prefix, local, namespace, attributes, [...declarations], inside]);
}

const xml: Parser = {
  name: 'xml',
  limit: LIMIT,
  samples: utf8([...messages, ...documents, ...documents.map((document) => envelope(document))]),
  tamperProof: false,
  refusals: /^saml_malformed$/,
  read(input) {
    const root = readXml(input);
    const once = canonicalize(root, { limit: 10 * LIMIT });
    const again = readXml(once, { ...MESSAGE_LIMITS, octets: 10 * LIMIT, attributes: 2 * MESSAGE_LIMITS.attributes });
    assert.ok(canonicalize(again, { limit: 10 * LIMIT }).equals(once), 'a canonical form is its own canonical form');
    return describeXml(root);
  },
  generate: (random) => octetsOf(mutateText(random.pick(documents), random, WORDS, LIMIT * BEYOND), random),
};

const post: Parser = {
  name: 'saml-post',
  limit: LIMIT,
  samples: utf8(documents),
  tamperProof: true,
  refusals: /^saml_/,
  read(input) {
    const parameter = parameterOf(Buffer.from(input).toString('latin1'));
    return judge(readPost(postForm(input, { parameter })));
  },
  generate: (random) => octetsOf(mutateText(random.pick(documents), random, WORDS, LIMIT * BEYOND), random),
};

const queries = messages.map((text) => redirectQuery(text, { key, parameter: parameterOf(text), relayState: 'a b&c' }));

const redirect: Parser = {
  name: 'saml-redirect',
  limit: QUERY_LIMIT,
  samples: utf8(queries),
  tamperProof: true,
  refusals: /^saml_/,
  read: (input) => judge(readRedirect(Buffer.from(input).toString('latin1'))),
  generate: (random) => octetsOf(mutateText(random.pick(queries), random, QUERY_WORDS, QUERY_LIMIT * BEYOND), random),
};

const soap: Parser = {
  name: 'saml-soap',
  limit: LIMIT,
  samples: utf8(documents.map((document) => envelope(document))),
  tamperProof: true,
  refusals: /^saml_/,
  read: (input) => judge(readSoap(input)),
  generate: (random) => octetsOf(mutateText(envelope(random.pick(documents)), random, WORDS, LIMIT * BEYOND), random),
};

/** A sender who has turned bad: whatever it writes is signed by its own key. */
const signedWrong: Parser = {
  name: 'saml-signed',
  limit: QUERY_LIMIT,
  samples: utf8(queries),
  tamperProof: false,
  refusals: /^saml_/,
  read: (input) => judge(readRedirect(Buffer.from(input).toString('latin1'))),
  generate(random) {
    const text = mutateText(random.pick(messages), random, WORDS, LIMIT * BEYOND);
    return Buffer.from(redirectQuery(octetsOf(text, random), { key, parameter: parameterOf(text) }));
  },
};

export const samlParsers: readonly Parser[] = [xml, post, redirect, soap, signedWrong];
