import assert from 'node:assert/strict';
import { hash, randomInt } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { canonicalize } from '../../../../provider/saml/xml/canonical.ts';
import { readXml, type XmlLimits } from '../../../../provider/saml/xml/read_xml.ts';
import { childElements } from '../../../../provider/saml/xml/xml_element.ts';
import { fixedRsaKey } from '../../../fuzz/fixed_keys.ts';
import { algorithm, DS, EXCLUSIVE, RSA_SHA256, SHA256 } from '../../../support/saml/sign.ts';
import { xmlsec1 } from '../../../support/saml/xmlsec1.ts';

const LIMITS: XmlLimits = { octets: 4 * 1024 * 1024, depth: 50, elements: 100_000, attributes: 100 };
const canonical = (text: string, inclusivePrefixes: readonly string[] = []) =>
  canonicalize(readXml(Buffer.from(text)), { inclusivePrefixes }).toString();

const PREFIXES = ['a', 'b', 'ds', 'x'];
const prefix = fc.constantFrom('', ...PREFIXES);
// Without `&`: libxml2 writes it as `&#38;` in a namespace, and nowhere else.
const uri = fc.constantFrom('urn:one', 'urn:two', 'http://three.example/?a=1;b');
const name = fc.constantFrom('a', 'b', 'Reference', 'é', '名', '\u{10000}', '\uF900', 'z-1');
const characters = fc.constantFrom(
  ...['a', ' ', '\n', '\r\n', '\t', '&amp;', '&lt;', '&gt;', '&quot;', '"', "'", '&#xD;', '&#9;', '&#10;', '\u00A0'],
  ...['名', '\u{1F600}', ']]&gt;', '&#x85;', '\u2028'],
);
const text = fc.array(characters, { maxLength: 6 }).map((parts) => parts.join(''));
const section = fc.constantFrom('<![CDATA[<&>]]>', '<![CDATA[]]>', '<![CDATA[\r\n"]]>');
const attributeValue = text.map((value) => value.replaceAll('"', '&quot;'));

interface Node {
  readonly prefix: string;
  readonly name: string;
  readonly declared: readonly (readonly [prefix: string, uri: string])[];
  readonly attributes: readonly (readonly [prefix: string, name: string, value: string])[];
  readonly children: readonly (Node | string)[];
}

const { node } = fc.letrec<{ node: Node }>((tie) => ({
  node: fc.record({
    prefix,
    name,
    declared: fc.uniqueArray(fc.tuple(prefix, fc.oneof(uri, fc.constant(''))), { selector: ([p]) => p, maxLength: 3 }),
    attributes: fc.array(fc.tuple(fc.constantFrom('', '', 'xml', ...PREFIXES), name, attributeValue), { maxLength: 4 }),
    children: fc.array(fc.oneof({ depthSize: 'small', withCrossShrink: true }, text, section, tie('node')), {
      maxLength: 4,
    }),
  }),
}));

/** As text, with what would not be well-formed left out. */
function written(each: Node, inForce: ReadonlyMap<string, string>): string {
  const scope = new Map(inForce);
  const declared = each.declared.filter(([p, value]) => p === '' || value !== '');
  for (const [p, value] of declared) scope.set(p, value);
  const tag = scope.has(each.prefix) && each.prefix !== '' ? `${each.prefix}:${each.name}` : each.name;
  const seen = new Set<string>();
  const attributes = each.attributes.filter(([p, local]) => {
    const expanded = `${p === '' || p === 'xml' ? p : scope.get(p)} ${local}`;
    if ((p !== '' && p !== 'xml' && !scope.has(p)) || seen.has(expanded)) return false;
    seen.add(expanded);
    return true;
  });
  const head = [
    ...declared.map(([p, value]) => ` xmlns${p === '' ? '' : `:${p}`}="${value}"`),
    ...attributes.map(([p, local, value]) => ` ${p === '' ? '' : `${p}:`}${local}="${value}"`),
  ];
  const children = each.children.map((child) => (typeof child === 'string' ? child : written(child, scope)));
  return `<${tag}${head.reverse().join('')}>${children.join('')}</${tag}>`;
}

const AROUND = new Map([
  ['', 'urn:around'],
  ['x', 'urn:around:x'],
  ['ds', DS],
]);

/** The digests of the canonical forms of elements with attributes `ID` from `_0` up, each with a list of prefixes. */
async function digestedByLibxml2(
  roots: readonly string[],
  lists: readonly string[],
): Promise<{ document: string; digests: (string | undefined)[] }> {
  const references = lists.map((list, index) => {
    const inclusive = `<c:InclusiveNamespaces xmlns:c="${EXCLUSIVE}" PrefixList="${list}"/>`;
    const transform = algorithm('Transform', EXCLUSIVE, list === '' ? '' : inclusive);
    const digest = `${algorithm('DigestMethod', SHA256)}<ds:DigestValue/>`;
    return `<ds:Reference URI="#_${index}"><ds:Transforms>${transform}</ds:Transforms>${digest}</ds:Reference>`;
  });
  const methods = algorithm('CanonicalizationMethod', EXCLUSIVE) + algorithm('SignatureMethod', RSA_SHA256);
  const signedInfo = `<ds:SignedInfo>${methods}${references.join('')}</ds:SignedInfo>`;
  const signature = `<ds:Signature>${signedInfo}<ds:SignatureValue/></ds:Signature>`;
  const declarations = [...AROUND].map(([p, value]) => ` xmlns${p === '' ? '' : `:${p}`}="${value}"`).join('');
  const document = `<all${declarations}>${roots.join('')}${signature}</all>`;
  const key = fixedRsaKey('c14n').privateKey.export({ type: 'pkcs8', format: 'pem' });
  const args = ['--sign', '--privkey-pem', 'key.pem', '--id-attr:ID', 'urn:around:sample', 'document.xml'];
  const { code, stdout, stderr } = await xmlsec1(args, { 'key.pem': key, 'document.xml': document });
  assert.equal(code, 0, stderr);
  const digests = [...stdout.matchAll(/<ds:DigestValue>([^<]*)</g)].map(([, value]) => value?.replaceAll('\n', ''));
  return { document, digests };
}

describe('the canonical form of an element', () => {
  it('is that of libxml2, whatever the element', async () => {
    const lists = fc.constantFrom('', '', 'a', 'x b #default', '#default', 'a b ds x', 'unknown');
    const seed = randomInt(2 ** 31);
    const drawn = fc.sample(fc.tuple(node, lists), { numRuns: 400, seed });
    const roots = drawn.map(([each], index) => `<sample ID="_${index}">${written(each, AROUND)}</sample>`);
    const { document, digests } = await digestedByLibxml2(
      roots,
      drawn.map(([, list]) => list),
    );
    const root = readXml(Buffer.from(document), LIMITS);
    const elements = childElements(root).slice(0, drawn.length);
    assert.equal(digests.length, drawn.length);
    for (const [index, element] of elements.entries()) {
      const list = (drawn[index]?.[1] ?? '').split(' ').filter((each) => each !== '');
      const inclusivePrefixes = list.map((each) => (each === '#default' ? '' : each));
      const octets = canonicalize(element, { ancestors: [root], inclusivePrefixes, limit: LIMITS.octets });
      assert.equal(hash('sha256', octets, 'base64'), digests[index], `seed ${seed}: ${list} of ${roots[index]}`);
    }
  });

  it('is its own canonical form, and means the same', () => {
    fc.assert(
      fc.property(node, (each) => {
        const once = canonical(written(each, new Map()));
        assert.equal(canonical(once), once);
      }),
    );
  });

  it('has declarations where they are used, once, and attributes in their order', () => {
    assert.equal(
      canonical('<a xmlns:z="urn:z" xmlns:y="urn:y" b="2" y:a="3" a="1"><z:c/><z:c/></a>'),
      '<a xmlns:y="urn:y" a="1" b="2" y:a="3"><z:c xmlns:z="urn:z"></z:c><z:c xmlns:z="urn:z"></z:c></a>',
    );
  });

  it('never declares what is bound everywhere', () => {
    const declared = '<a xmlns:xml="http://www.w3.org/XML/1998/namespace" xml:lang="en"/>';
    assert.equal(canonical(declared), '<a xml:lang="en"></a>');
  });

  it('has names in the order of code points, the highest last', () => {
    assert.equal(canonical('<a \u{10000}="1" \uF900="2"/>'), '<a \uF900="2" \u{10000}="1"></a>');
  });

  it('has listed prefixes where they are declared', () => {
    assert.equal(
      canonical('<a xmlns:z="urn:z" xmlns="urn:d"><z:c/></a>', ['z', 'nobody']),
      '<a xmlns="urn:d" xmlns:z="urn:z"><z:c></z:c></a>',
    );
  });

  it('leaves out one element, and nothing beside it', () => {
    const root = readXml(Buffer.from('<a> <b>1</b> <b>1</b> </a>'));
    const [first] = childElements(root);
    assert.ok(first);
    assert.equal(canonicalize(root, { without: first }).toString(), '<a>  <b>1</b> </a>');
  });

  it('does not grow without bound where one declaration is written a thousand times', () => {
    const long = `<a xmlns:x="urn:${'x'.repeat(50_000)}">${'<x:b/>'.repeat(900)}</a>`;
    assert.throws(() => canonical(long), { code: 'saml_malformed' });
    const quotes = `<a b='${'"'.repeat(90_000)}'/>`;
    assert.throws(() => canonical(quotes), { code: 'saml_malformed' });
  });
});
