import { assertionElement, envelope, logoutRequest, nameId, protocolElement } from './messages.ts';

/**
 * What an attacker makes of one genuine signed message without its key: every place where the genuine element can be kept
 * while another one is read (signature wrapping, XSW 1–8 and beyond), and everything that readers understand differently.
 */

/** One document, and what the gate must say to it. */
export interface Shape {
  readonly name: string;
  readonly document: string | Uint8Array;
  /** `genuine`: another spelling of what was signed, which must be read with the values that were signed. */
  readonly is: 'refused' | 'genuine';
}

/** Whom the genuine message names, and whom the attacker would like it to. */
export const GENUINE_PERSON = 'genuine-person';
export const OTHER_PERSON = 'somebody-else';

interface Parts {
  /** As it was sent. */
  readonly whole: string;
  readonly signature: string;
  /** Without signature. */
  readonly message: string;
}

export function takeApart(whole: string): Parts {
  const signature = /<ds:Signature .*<\/ds:Signature>/s.exec(whole)?.[0] ?? '';
  return { whole, signature, message: whole.replace(signature, '') };
}

const WRONG_REST = nameId(OTHER_PERSON) + protocolElement('SessionIndex', 'session-1');

/** What the attacker wants to be read, with this identifier and these pieces in it. */
function wrong(id: string | undefined, afterIssuer: string, atEnd = '', rest = WRONG_REST): string {
  const message = logoutRequest({ attributes: { ID: id }, rest });
  return message.replace('</saml:Issuer>', `</saml:Issuer>${afterIssuer}`).replace(/<\/[^>]+>$/, (end) => atEnd + end);
}

/** Places in a wrong message, or in its signature, where something can be kept. */
const PLACES: Readonly<Record<string, (id: string | undefined, signature: string, kept: string) => string>> = {
  'as its first child': (id, signature, kept) => wrong(id, signature).replace('<saml:Issuer', (start) => kept + start),
  'behind its signature': (id, signature, kept) => wrong(id, signature + kept),
  'before its signature': (id, signature, kept) => wrong(id, kept + signature),
  'as its last child': (id, signature, kept) => wrong(id, signature, kept),
  'with the signature at the end': (id, signature, kept) => wrong(id, kept, signature),
  'in Extensions': (id, signature, kept) => wrong(id, signature + protocolElement('Extensions', kept)),
  'in Issuer': (id, signature, kept) => wrong(id, signature).replace('</saml:Issuer>', (end) => kept + end),
  'in NameID': (id, signature, kept) => wrong(id, signature).replace('</saml:NameID>', (end) => kept + end),
  'in SessionIndex': (id, signature, kept) =>
    wrong(id, signature).replace('</samlp:SessionIndex>', (end) => kept + end),
  'in an element of nobody': (id, signature, kept) => wrong(id, `${signature}<x:y xmlns:x="urn:x">${kept}</x:y>`),
  'in EncryptedID': (id, signature, kept) => wrong(id, signature, '', assertionElement('EncryptedID', kept)),
  ...inSignature('in Object', (kept) => `<ds:Object>${kept}</ds:Object></ds:Signature>`, '</ds:Signature>'),
  ...inSignature('in KeyInfo', (kept) => `<ds:KeyInfo>${kept}</ds:KeyInfo></ds:Signature>`, '</ds:Signature>'),
  ...inSignature('in Signature itself', (kept) => `${kept}</ds:Signature>`, '</ds:Signature>'),
  ...inSignature('in SignedInfo', (kept) => `${kept}</ds:SignedInfo>`, '</ds:SignedInfo>'),
  ...inSignature('in Reference', (kept) => `${kept}</ds:Reference>`, '</ds:Reference>'),
  ...inSignature('in Transforms', (kept) => `${kept}</ds:Transforms>`, '</ds:Transforms>'),
  ...inSignature('in DigestValue', (kept) => `${kept}</ds:DigestValue>`, '</ds:DigestValue>'),
  ...inSignature('in SignatureValue', (kept) => `${kept}</ds:SignatureValue>`, '</ds:SignatureValue>'),
};

function inSignature(name: string, put: (kept: string) => string, at: string): typeof PLACES {
  return { [name]: (id, signature, kept) => wrong(id, signature.replace(at, put(kept))) };
}

const IDS: readonly (string | undefined)[] = ['_wrong', '_genuine', undefined];

/** The genuine element kept somewhere, with its signature or without; the signature at its own place, moved, or both. */
export function wrapped(whole: string): Shape[] {
  const { signature, message } = takeApart(whole);
  const keepings = [
    { how: 'signature moved to the wrong one', outer: signature, kept: message },
    { how: 'signature left in the genuine one', outer: '', kept: whole },
    { how: 'signature in both', outer: signature, kept: whole },
  ];
  const all = Object.entries(PLACES).flatMap(([place, put]) =>
    IDS.flatMap((id) =>
      keepings
        // Nothing to keep it in.
        .filter(({ outer }) => outer !== '' || !/Object|KeyInfo|Sign|Refer|Trans|Digest/.test(place))
        .map(({ how, outer, kept }) => {
          const name = `the genuine element ${place} of one with ID ${id}, ${how}`;
          return { name, document: put(id, outer, kept), is: 'refused' as const };
        }),
    ),
  );
  // Before and behind a signature that is not there is one place.
  return [...new Map(all.map((shape) => [shape.document, shape])).values()];
}

/** The genuine message with something of the attacker's in it, beside it or around it. */
export function added(whole: string): Shape[] {
  const { signature, message } = takeApart(whole);
  const other = wrong('_wrong', '');
  const same = wrong('_genuine', '');
  const refused: Record<string, string> = {
    'the signature taken away': message,
    'the signature twice': whole.replace(signature, signature + signature),
    'a signature in the signature': whole.replace('</ds:Signature>', `${signature}</ds:Signature>`),
    'a second SignedInfo in front': whole.replace(
      '<ds:SignedInfo',
      (start) => `<ds:SignedInfo></ds:SignedInfo>${start}`,
    ),
    'a second SignedInfo behind': whole.replace('</ds:SignedInfo>', (end) => `${end}<ds:SignedInfo></ds:SignedInfo>`),
    'a second SignatureValue': whole.replace(
      '</ds:SignatureValue>',
      (e) => `${e}<ds:SignatureValue>AA==</ds:SignatureValue>`,
    ),
    'an Object behind KeyInfo': whole.replace('</ds:Signature>', '<ds:KeyInfo/><ds:Object></ds:Object></ds:Signature>'),
    'an empty Object': whole.replace('</ds:Signature>', '<ds:Object></ds:Object></ds:Signature>'),
    'a Manifest': whole.replace('</ds:Signature>', '<ds:Object><ds:Manifest></ds:Manifest></ds:Object></ds:Signature>'),
    'text in Signature': whole.replace('</ds:SignedInfo>', '</ds:SignedInfo>text'),
    'the signature in Extensions': message.replace(
      '</saml:Issuer>',
      (e) => `${e}${protocolElement('Extensions', signature)}`,
    ),
    'the signature in Issuer': message.replace('</saml:Issuer>', (end) => signature + end),
    'another message behind it': whole + other,
    'another message before it': other + whole,
    'around it an element of nobody': `<x>${whole}</x>`,
    'around it another message': wrong('_wrong', '', whole),
    'its ID in KeyInfo too': whole.replace('</ds:Signature>', `<ds:KeyInfo>${same}</ds:KeyInfo></ds:Signature>`),
    'its ID as Id of the signature': whole.replace('<ds:Signature ', '<ds:Signature Id="_genuine" '),
    'its ID as xml:id of the signature': whole.replace('<ds:Signature ', '<ds:Signature xml:id="_genuine" '),
    'its ID as id in KeyInfo': whole.replace(
      '</ds:Signature>',
      '<ds:KeyInfo><x id="_genuine"/></ds:KeyInfo></ds:Signature>',
    ),
    'an attribute': whole.replace('<samlp:LogoutRequest', '<samlp:LogoutRequest Reason="x"'),
    'an attribute of xml:': whole.replace('<samlp:LogoutRequest', '<samlp:LogoutRequest xml:lang="en"'),
    'a second ID by another case': whole.replace('<samlp:LogoutRequest', '<samlp:LogoutRequest Id="_genuine"'),
    'a second person before': whole.replace('<saml:NameID', (start) => nameId(OTHER_PERSON) + start),
    'a second person behind': whole.replace('</saml:NameID>', (end) => end + nameId(OTHER_PERSON)),
    'a second session': whole.replace(/<\/[^>]+>$/, (e) => `${protocolElement('SessionIndex', 'session-2')}${e}`),
    'white space in the message': whole.replace('</saml:Issuer>', '</saml:Issuer>\n'),
    'the other person’s name': whole.replace(GENUINE_PERSON, OTHER_PERSON),
    'another ID, in the reference too': whole.replaceAll('_genuine', '_changed'),
    'another ID': whole.replace('ID="_genuine"', 'ID="_changed"'),
    'another digest': whole.replace(/(<ds:DigestValue>)./, '$1A').replace(/(<ds:DigestValue>A)./, '$1A'),
    'another signature value': whole.replace(/(<ds:SignatureValue>).../, '$1AAA'),
    'an empty signature value': whole.replace(/<ds:SignatureValue>[^<]*/, '<ds:SignatureValue>'),
    'another root': whole.replaceAll('samlp:LogoutRequest', 'samlp:ManageNameIDRequest'),
    'a root of another namespace': whole.replace('SAML:2.0:protocol', 'SAML:1.0:protocol'),
  };
  const genuine: Record<string, string> = {
    'as it was sent': whole,
    'another message in KeyInfo, where nobody looks': whole.replace(
      '</ds:Signature>',
      `<ds:KeyInfo>${other}</ds:KeyInfo></ds:Signature>`,
    ),
    'the signature at another place of the root': message.replace(/<\/[^>]+>$/, (end) => signature + end),
  };
  return shapes(refused, 'refused').concat(shapes(genuine, 'genuine'));
}

/** Spellings: of what was signed, which mean the same, and others that readers do not agree about. */
export function respelled(whole: string): Shape[] {
  const [first, second] = [GENUINE_PERSON.slice(0, 8), GENUINE_PERSON.slice(8)];
  const named = (text: string) => whole.replace(GENUINE_PERSON, () => text);
  const inDigest = (text: string) => whole.replace(/<ds:DigestValue>..../, (start) => start + text);
  const inValue = (text: string) => whole.replace(/<ds:SignatureValue>..../, (start) => start + text);
  const doctype = (subset: string) => `<!DOCTYPE samlp:LogoutRequest ${subset}>${whole}`;
  const refused: Record<string, string | Uint8Array> = {
    'a comment in the name': named(`${first}<!-- -->${second}`),
    'a comment behind the name': named(`${GENUINE_PERSON}<!-- -->.attacker.example`),
    'a processing instruction in the name': named(`${first}<?x y?>${second}`),
    'an element in the name': named(`${first}<x/>${second}`),
    'a section that adds to the name': named(`${GENUINE_PERSON}<![CDATA[.attacker.example]]>`),
    'white space around the name': named(` ${GENUINE_PERSON} `),
    'a soft hyphen in the name': named(`${first}\u00AD${second}`),
    'a comment in the digest': inDigest('<!-- -->'),
    'a processing instruction in the digest': inDigest('<?x y?>'),
    'an element in the digest': inDigest('<x/>'),
    'white space in the digest': inDigest('\n'),
    'a comment in the signature value': inValue('<!-- -->'),
    'a character that is not base64 in the signature value': inValue('*'),
    'base64 of another alphabet in the signature value': inValue('-_-_'),
    'a no-break space in the signature value': inValue('\u00A0'),
    'a signature value without padding': whole.replace('==</ds:SignatureValue>', '</ds:SignatureValue>'),
    'a signature value with more padding': whole.replace('</ds:SignatureValue>', '====</ds:SignatureValue>'),
    'a comment before the root': `<!-- -->${whole}`,
    'a comment behind the root': `${whole}<!-- -->`,
    'a style sheet': `<?xml-stylesheet href="https://attacker.example/"?>${whole}`,
    'a document type': doctype(''),
    'a document type that declares IDs': doctype('[<!ATTLIST saml:NameID Format ID #IMPLIED>]'),
    'an entity as the name': doctype(`[<!ENTITY p "${OTHER_PERSON}">]`).replace(GENUINE_PERSON, '&p;'),
    'an external entity as the name': doctype('[<!ENTITY p SYSTEM "file:///etc/hostname">]').replace(
      GENUINE_PERSON,
      '&p;',
    ),
    'an external document type': doctype('SYSTEM "https://attacker.example/x.dtd"'),
    'an entity that nobody declares': named('&person;'),
    'prefixes renamed': whole.replaceAll('samlp:', 'p:').replace('xmlns:samlp', 'xmlns:p'),
    'the prefix of the name bound to another namespace': whole.replace(
      /(<saml:NameID xmlns:saml=")[^"]*/,
      '$1urn:somebody',
    ),
    'a default namespace in place of a prefix': whole
      .replace('<saml:NameID xmlns:saml=', '<NameID xmlns=')
      .replace('</saml:NameID>', '</NameID>'),
    'a namespace with white space around it': whole.replace('xmlns:ds="http', 'xmlns:ds=" http'),
    'a namespace in capitals': whole.replace('xmlns:ds="http:', 'xmlns:ds="HTTP:'),
    'XML 1.1': `<?xml version="1.1"?>${whole}`,
    'UTF-16': Buffer.from(`\uFEFF${whole}`, 'utf16le'),
    'UTF-16 that calls itself UTF-8': Buffer.from(`\uFEFF<?xml version="1.0" encoding="UTF-8"?>${whole}`, 'utf16le'),
    'UTF-7 in the declaration': `<?xml version="1.0" encoding="UTF-7"?>${whole}`,
    'Latin-1 in the declaration': `<?xml version="1.0" encoding="ISO-8859-1"?>${whole}`,
    'an overlong character': Buffer.concat([Buffer.from(whole), Uint8Array.of(0xc0, 0xa0)]),
    'a zero octet at the end': `${whole}\0`,
    'a character that XML does not have': named(`${GENUINE_PERSON}&#0;`),
    'half of a surrogate pair': named(`${GENUINE_PERSON}&#xD800;`),
    'text behind the root': `${whole}text`,
    'its end cut off': whole.slice(0, -1),
    nothing: '',
  };
  const genuine: Record<string, string> = {
    'an XML declaration': `<?xml version="1.0" encoding="UTF-8"?>\n${whole}\n`,
    'a byte order mark': `\uFEFF${whole}`,
    'attributes in another order': whole.replace(
      /^<(\S+)((?: [^ >]+="[^"]*")+)/,
      (_, name, attributes) => `<${name} ${attributes.trim().split(' ').reverse().join(' ')}`,
    ),
    'other quotes and white space in tags': whole
      .replace(/ ID="([^"]*)"/, "\r\n  ID = '$1'")
      .replace('</saml:NameID>', '</saml:NameID\t>'),
    'the name in a section': named(`<![CDATA[${GENUINE_PERSON}]]>`),
    'a part of the name in a section': named(`${first}<![CDATA[${second}]]><![CDATA[]]>`),
    'characters of the name by number': named(GENUINE_PERSON.replaceAll('e', '&#x65;').replaceAll('n', '&#110;')),
    'elements without end tags': whole.replace(/><\/ds:Transform>/g, '/>'),
    'a declaration that nobody uses': whole.replace(
      '<samlp:LogoutRequest',
      '<samlp:LogoutRequest xmlns:x="urn:x" xmlns="urn:y"',
    ),
    'declarations at the root': whole
      .replaceAll(' xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"', '')
      .replace('<samlp:LogoutRequest', '<samlp:LogoutRequest xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"'),
    'white space in the signature value': inValue('\r\n&#13;\t '),
    'white space in Signature': whole.replace('</ds:SignedInfo>', '</ds:SignedInfo>\n  '),
    'characters of the signature value by number': whole.replace(
      /(?<=<ds:SignatureValue>)./,
      (c) => `&#${c.charCodeAt(0)};`,
    ),
  };
  return shapes(refused, 'refused').concat(shapes(genuine, 'genuine'));
}

/** In SOAP there are more places. */
export function inEnvelopes(whole: string): Shape[] {
  const { signature, message } = takeApart(whole);
  const other = wrong('_wrong', '');
  const header = (content: string) => `<S:Header>${content}</S:Header>`;
  const refused: Record<string, string> = {
    'no envelope': whole,
    'two messages in the body': envelope(whole + other),
    'the wrong one first': envelope(other + whole),
    'the genuine one in the header': envelope(other, header(whole)),
    'the genuine one in the header, its signature in the wrong one': envelope(
      wrong('_wrong', signature),
      header(message),
    ),
    'both of one ID': envelope(wrong('_genuine', signature), header(message)),
    'a second body': envelope(whole).replace('</S:Body>', (end) => `${end}<S:Body>${other}</S:Body>`),
    'a body behind a body': envelope(whole).replace('<S:Body>', (start) => `<S:Body>${other}</S:Body>${start}`),
    'the genuine one behind the body': envelope(other).replace('</S:Body>', (end) => end + whole),
    'an envelope in the envelope': envelope(envelope(whole)),
    'an empty body': envelope(''),
    'a signature of somebody in the header': envelope(whole, header(signature)),
    'its ID in the header': envelope(whole, header('<x xmlns="urn:x" wsu:Id="_genuine" xmlns:wsu="urn:wsu"/>')),
    'a header that must be understood': envelope(whole, header('<x S:mustUnderstand="1"/>')),
    'an envelope of SOAP 1.2': envelope(whole).replace(
      /xmlns:S="[^"]*"/,
      'xmlns:S="http://www.w3.org/2003/05/soap-envelope"',
    ),
  };
  const genuine: Record<string, string> = {
    'as it was sent': envelope(whole),
    'with headers that nobody needs': envelope(whole, header('<x xmlns="urn:x">y</x><z S:mustUnderstand="0"/>')),
    'with declarations at the envelope': envelope(whole)
      .replaceAll(' xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"', '')
      .replace('<S:Envelope', '<S:Envelope xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" xmlns="urn:other"'),
  };
  return shapes(refused, 'refused').concat(shapes(genuine, 'genuine'));
}

function shapes(documents: Readonly<Record<string, string | Uint8Array>>, is: Shape['is']): Shape[] {
  return Object.entries(documents).map(([name, document]) => ({ name, document, is }));
}
