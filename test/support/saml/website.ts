import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SAML } from '@node-saml/node-saml';
import { metadataOf, newPartyKey } from '../../protocol/saml_party.ts';

/** A website that speaks SAML only, as a person's browser sees it; its library is node-saml. */
export interface SamlWebsite {
  readonly url: string;
  readonly entityId: string;
  readonly metadata: string;
  /** Tells it about the hub, as its operator would: by the hub's metadata. */
  configure(issuer: string): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Front page with a link for each binding; `#sub` on the page that greets. No space in its RelayState: the library signs
 * it in another encoding than it sends.
 */
export async function startSamlWebsite(): Promise<SamlWebsite> {
  const key = newPartyKey();
  const privateKey = key.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  let redirecting: SAML | undefined;
  let posting: SAML | undefined;
  const configured = (library: SAML | undefined): SAML => {
    if (!library) throw new Error('the website does not know the hub yet');
    return library;
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '/', url);
    if (pathname === '/redirect') {
      response.writeHead(302, {
        Location: await configured(redirecting).getAuthorizeUrlAsync('by-redirect', undefined, {}),
      });
      response.end();
    } else if (pathname === '/form') {
      send(response, await configured(posting).getAuthorizeFormAsync('by-form'));
    } else if (pathname === '/acs' && request.method === 'POST') {
      const form = new URLSearchParams(await bodyOf(request));
      const { profile } = await configured(redirecting).validatePostResponseAsync({
        SAMLResponse: form.get('SAMLResponse') ?? '',
      });
      send(
        response,
        page(`<h1>ようこそ</h1><p id="sub">${profile?.nameID}</p><p id="state">${form.get('RelayState')}</p>`),
      );
    } else {
      send(
        response,
        page('<h1>市民窓口</h1><a href="/redirect">サインイン</a> <a href="/form">フォームでサインイン</a>'),
      );
    }
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      response.statusCode = 500;
      send(response, page(`<pre>${String(error)}</pre>`));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // Another host than the hub's, so that what the browser sends between them is cross-site.
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const entityId = `${url}/saml`;
  const acs = `${url}/acs`;
  return {
    url,
    entityId,
    metadata: metadataOf(entityId, acs, key),
    async configure(issuer) {
      const metadata = await (await fetch(`${issuer}/saml/metadata`)).text();
      const idpCert = [...metadata.matchAll(/<ds:X509Certificate>([^<]+)</g)].map(([, text = '']) => text);
      const configuration = {
        ...{ issuer: entityId, callbackUrl: acs, audience: entityId, idpCert, privateKey },
        entryPoint: `${issuer}/saml/sso`,
        ...({ signatureAlgorithm: 'sha256', digestAlgorithm: 'sha256' } as const),
        ...{ identifierFormat: null, disableRequestedAuthnContext: true },
        ...{ wantAuthnResponseSigned: true, wantAssertionsSigned: true },
      };
      redirecting = new SAML(configuration);
      posting = new SAML({ ...configuration, authnRequestBinding: 'HTTP-POST', skipRequestCompression: true });
    },
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function page(body: string): string {
  return `<!doctype html><html lang="ja"><meta charset="utf-8"><title>市民窓口</title>${body}</html>`;
}

function send(response: ServerResponse, html: string): void {
  response.setHeader('Content-Type', 'text/html; charset=utf-8');
  response.end(html);
}
