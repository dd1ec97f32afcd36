import { sign } from 'node:crypto';
import { createRequire } from 'node:module';
import { SignedXml } from 'xml-crypto';
import { writeAssertion } from '../provider/saml/answers/assertion.ts';
import { SUCCESS, writeResponse } from '../provider/saml/answers/protocol_message.ts';
import { samlEntityId } from '../provider/saml/metadata/own_metadata.ts';
import { BINDING_URIS } from '../provider/saml/names.ts';
import { ACS, type AnsweringHub, answeringHub, HUB_URL, signInResponse } from '../test/support/saml/answering_hub.ts';
import { median } from './contender.ts';

/** The least that is accepted, of the speed of the two bare signatures that are in a response (issue 5). */
const TARGET = 0.6;
/** As many responses as a busy hub has underway, so that all threads of the pool have work. */
const AT_ONCE = 16;

interface Contender {
  readonly name: string;
  /** How many RSA signatures one turn makes. */
  readonly signatures: number;
  turn(): unknown;
}

interface Figures {
  /** CPU of the process for one turn (ms), with the threads of its pool. */
  readonly cpu: number;
  readonly perSecond: number;
}

/**
 * Signed responses: each carries one signature over the assertion and one over the response, and is compared with two bare
 * signatures of as many octets by the same key. Prints a table; resolves with whether the target is met.
 */
export async function compareResponses(turns: number, rounds: number): Promise<boolean> {
  const hub = await answeringHub();
  const contenders = [bareSignature(hub), ours(hub), withXmlCrypto(hub), withSamlify(hub)];
  const taken = new Map<Contender, Figures[]>(contenders.map((contender) => [contender, []]));
  for (const contender of contenders) await measure(contender, turns);
  for (let round = 0; round < rounds; round += 1) {
    for (const contender of contenders) taken.get(contender)?.push(await measure(contender, turns));
  }
  const rows = [...taken].map(([contender, figures]) => ({
    ...contender,
    cpu: median(figures.map(({ cpu }) => cpu)),
    perSecond: median(figures.map(({ perSecond }) => perSecond)),
  }));
  const bare = rows[0]?.cpu ?? Number.NaN;
  console.log(
    'CPU of the process, its pool of threads included; the speed per signature is (signatures × bare) ÷ CPU.\n',
  );
  console.log('                                    signatures   CPU ms  per signature  per response   wall/s');
  for (const { name, signatures, cpu, perSecond } of rows) {
    console.log(
      name.padEnd(36),
      String(signatures).padStart(9),
      cpu.toFixed(3).padStart(8),
      ((signatures * bare) / cpu).toFixed(2).padStart(14),
      (bare / cpu).toFixed(2).padStart(13),
      perSecond.toFixed(0).padStart(8),
    );
  }
  const speed = (2 * bare) / (rows[1]?.cpu ?? Number.NaN);
  console.log(`\ntarget: ${TARGET} per signature, ${speed >= TARGET ? 'met' : 'MISSED'}`);
  return speed >= TARGET;
}

async function measure({ turn }: Contender, turns: number): Promise<Figures> {
  const cpuBefore = process.cpuUsage();
  const start = performance.now();
  for (let done = 0; done < turns; done += AT_ONCE) {
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, turns - done) }, turn));
  }
  const wall = performance.now() - start;
  const { user, system } = process.cpuUsage(cpuBefore);
  return { cpu: (user + system) / 1000 / turns, perSecond: (turns * 1000) / wall };
}

function bareSignature({ keys }: AnsweringHub): Contender {
  // About as long as a SignedInfo; hashing it is nothing beside the private key's arithmetic.
  const octets = Buffer.alloc(750, 'SignedInfo');
  const turn = () =>
    new Promise((resolve, reject) => {
      sign('sha256', octets, keys.signing.privateKey, (error, signature) =>
        error ? reject(error) : resolve(signature),
      );
    });
  return { name: 'bare RSA-2048 signature', signatures: 1, turn };
}

function ours({ answers }: AnsweringHub): Contender {
  return { name: 'the hub', signatures: 2, turn: () => answers.response(signInResponse()) };
}

/** The same messages, signed by the library that most others rest on, with a key that OpenSSL holds already. */
function withXmlCrypto({ keys: { signing } }: AnsweringHub): Contender {
  const transforms = [
    'http://www.w3.org/2000/09/xmldsig#enveloped-signature',
    'http://www.w3.org/2001/10/xml-exc-c14n#',
  ] as const;
  const issuer = samlEntityId(HUB_URL);
  const signed = (xml: string, element: string) => {
    const signature = new SignedXml({
      privateKey: signing.privateKey,
      signatureAlgorithm: 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
      canonicalizationAlgorithm: transforms[1],
    });
    const xpath = `/*[local-name(.)='${element}']`;
    signature.addReference({ xpath, transforms, digestAlgorithm: 'http://www.w3.org/2001/04/xmlenc#sha256' });
    signature.computeSignature(xml, {
      location: { reference: `${xpath}/*[local-name(.)='Issuer']`, action: 'after' },
      prefix: 'ds',
    });
    return signature.getSignedXml();
  };
  const turn = () => {
    const { destination, inResponseTo, ...content } = signInResponse();
    const [now, bearer] = [Date.now(), { recipient: destination, inResponseTo }];
    const assertion = writeAssertion({ ...content, id: '_assertion', issuer, now, bearer, signIn: content });
    const signedAssertion = signed(assertion.head + assertion.tail, 'Assertion');
    const envelope = { id: '_response', issuer, now, destination, inResponseTo };
    const response = writeResponse(envelope, SUCCESS, signedAssertion);
    return signed(response.head + response.tail, 'Response');
  };
  return { name: 'xml-crypto, KeyObject', signatures: 2, turn };
}

/** What is used of it: its own types would bring those of a browser into every file here. */
interface Samlify {
  IdentityProvider(settings: Record<string, unknown>): {
    createLoginResponse(sp: unknown, request: unknown, binding: 'post', user: unknown): Promise<{ context: string }>;
  };
  ServiceProvider(settings: Record<string, unknown>): unknown;
}

/** With its own template, which has no attributes in it. */
function withSamlify({ keys: { signing } }: AnsweringHub): Contender {
  const samlify: Samlify = createRequire(import.meta.url)('samlify');
  const at = (path: string) => [{ Binding: BINDING_URIS.post, Location: `${HUB_URL}${path}` }];
  const hub = samlify.IdentityProvider({
    entityID: samlEntityId(HUB_URL),
    signingCert: signing.certificate,
    privateKey: signing.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    singleSignOnService: at('/saml/sso'),
    singleLogoutService: at('/saml/slo'),
  });
  const serviceProvider = samlify.ServiceProvider({
    entityID: 'https://sp.example',
    assertionConsumerService: [{ Binding: BINDING_URIS.post, Location: ACS.replaceAll(/[&"]/g, '') }],
    ...{ wantAssertionsSigned: true, wantMessageSigned: true },
  });
  const request = { extract: { request: { id: '_request1' } } };
  const turn = () => hub.createLoginResponse(serviceProvider, request, 'post', { email: 'taro@sp.example' });
  return { name: 'samlify', signatures: 2, turn };
}
