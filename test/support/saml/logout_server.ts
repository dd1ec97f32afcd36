import { randomBytes } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { STATUS } from '../../../provider/saml/names.ts';
import type { PartyKey } from '../../protocol/saml_party.ts';
import { guard } from '../leaks/leak_guard.ts';
import { envelope, logoutResponse, protocolElement } from './messages.ts';
import { signed } from './sign.ts';

/** What came, as it matters to tests. */
export interface SoapLogoutRequest {
  readonly id: string;
  readonly nameId: string;
  readonly sessionIndex: string;
  /** Who was asked. */
  readonly entityId: string;
  readonly xml: string;
}

/** A service provider's SingleLogoutService by SOAP (SAML Bindings §3.2). */
export interface SoapLogoutServer {
  readonly url: string;
  readonly requests: SoapLogoutRequest[];
  /** Status codes of its answers, or another answer altogether. */
  answer: readonly string[] | ((request: SoapLogoutRequest) => string) | undefined;
  /** The next one; rejects when none comes within a few seconds. */
  arrival(): Promise<SoapLogoutRequest>;
  close(): Promise<void>;
}

/** Milliseconds: far more than a call on this machine takes. */
const PATIENCE = 5_000;

/** @param key with which those who are asked here sign; each answers as the one that was asked, by its NameID's qualifier. */
export async function startSoapLogoutServer({ privateKey }: PartyKey): Promise<SoapLogoutServer> {
  const arrivals = new EventEmitter();
  const http = createServer(async (request, response) => {
    let xml = '';
    for await (const chunk of request) xml += chunk;
    guard.answer('SOAP logout', [xml]);
    const value = (pattern: RegExp) => pattern.exec(xml)?.[1] ?? '';
    const came = {
      ...{ id: value(/<samlp:LogoutRequest [^>]* ID="([^"]+)"/), xml },
      nameId: value(/<saml:NameID[^>]*>([^<]+)</),
      sessionIndex: value(/SessionIndex>([^<]+)</),
      entityId: value(/ SPNameQualifier="([^"]+)"/),
    };
    server.requests.push(came);
    arrivals.emit('request', came);
    const { answer } = server;
    if (answer === undefined) return void response.writeHead(500).end();
    const body =
      typeof answer === 'function'
        ? answer(came)
        : envelope(signed(soapLogoutResponse(came.entityId, came.id, answer), { key: privateKey }));
    response.writeHead(200, { 'content-type': 'text/xml' }).end(body);
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const server: SoapLogoutServer = {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/soap`,
    requests: [],
    answer: [STATUS.success],
    async arrival() {
      const [request] = await once(arrivals, 'request', { signal: AbortSignal.timeout(PATIENCE) });
      return request;
    },
    close: () => new Promise((resolve) => http.close(() => resolve())),
  };
  return server;
}

/** Not signed. */
export function soapLogoutResponse(entityId: string, inResponseTo: string, codes: readonly string[]): string {
  return logoutResponse({
    issuer: entityId,
    attributes: { ...freshAttributes(), InResponseTo: inResponseTo, Destination: undefined },
    rest: statusElement(codes),
  });
}

/** An ID that nobody has used, and the time of now. */
export function freshAttributes(): Record<string, string> {
  return { ID: `_${randomBytes(16).toString('hex')}`, IssueInstant: new Date().toISOString() };
}

export function statusElement(codes: readonly string[]): string {
  const code = codes.reduceRight((below, value) => protocolElement('StatusCode', below, ` Value="${value}"`), '');
  return protocolElement('Status', code);
}
