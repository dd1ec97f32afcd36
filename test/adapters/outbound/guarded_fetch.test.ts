import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import {
  createGuardedFetch,
  type GuardedFetchSettings,
  OutboundError,
} from '../../../adapters/outbound/guarded_fetch.ts';

const LOOPBACK = ['127.0.0.0/8', '::1'];
const sandbox: GuardedFetchSettings = {
  timeout: 5_000,
  maxBody: 1_000,
  allowedNetworks: LOOPBACK,
  allowPlainHttp: true,
};

const servers: Server[] = [];
after(() => {
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
  }
});

async function listen(server: Server): Promise<number> {
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** Serves `handler`; tells the address and how many requests arrived. */
async function serve(handler: RequestListener) {
  const arrived = { requests: 0 };
  const port = await listen(
    createServer((request, response) => {
      arrived.requests += 1;
      handler(request, response);
    }),
  );
  return { port, url: `http://127.0.0.1:${port}/`, arrived };
}

function refusal(code: string) {
  return (error: unknown) => {
    assert.ok(error instanceof OutboundError, String(error));
    assert.equal(error.code, code, String(error.cause));
    assert.ok(error instanceof TypeError); // as the caller of a fetch expects
    return true;
  };
}

describe('the guarded fetch', () => {
  it('hands over status, headers and body', async () => {
    const { url } = await serve((_request, response) => {
      response.writeHead(201, { 'Content-Type': 'application/json', 'Set-Cookie': ['a=1', 'b=2'] }).end('{"keys":[]}');
    });
    const response = await createGuardedFetch(sandbox)(url);
    assert.equal(response.status, 201);
    assert.equal(response.url, url);
    assert.deepEqual(response.headers.getSetCookie(), ['a=1', 'b=2']);
    assert.deepEqual(await response.json(), { keys: [] });
  });

  it('sends method, headers and body, and asks for no compression', async () => {
    let seen: unknown;
    const { url } = await serve(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      seen = [request.method, request.headers['content-type'], request.headers['accept-encoding'], body];
      response.writeHead(204).end();
    });
    const body = new URLSearchParams({ logout_token: 'x' });
    assert.equal((await createGuardedFetch(sandbox)(new URL(url), { method: 'POST', body })).status, 204);
    assert.deepEqual(seen, ['POST', 'application/x-www-form-urlencoded;charset=UTF-8', 'identity', 'logout_token=x']);
  });

  for (const host of [
    '127.0.0.1',
    'localhost',
    '2130706433',
    '0x7f.1',
    '0177.0.0.1',
    '127.1',
    '0.0.0.0',
    '[::1]',
    '[::]',
    '[::ffff:127.0.0.1]',
    '[64:ff9b::7f00:1]',
    '[2002:7f00:1::]',
    '10.0.0.1',
    '169.254.169.254',
    '[fe80::1]',
    '[fd00:ec2::254]',
  ]) {
    it(`makes no connection to ${host}`, async () => {
      const { port, arrived } = await serve((_request, response) => response.end());
      const guarded = createGuardedFetch({ ...sandbox, allowedNetworks: [] });
      await assert.rejects(guarded(`http://${host}:${port}/`), refusal('outbound_address_refused'));
      assert.equal(arrived.requests, 0);
    });
  }

  it('makes no connection to a name that leads to a private address, alone or among public ones', async () => {
    const { port, arrived } = await serve((_request, response) => response.end());
    for (const addresses of [['127.0.0.1'], ['93.184.215.14', '127.0.0.1'], ['127.0.0.1', '2606:4700::1']]) {
      const resolve = () => Promise.resolve(addresses);
      const guarded = createGuardedFetch({ ...sandbox, allowedNetworks: [], resolve });
      await assert.rejects(guarded(`http://rp.example:${port}/`), refusal('outbound_address_refused'));
    }
    assert.equal(arrived.requests, 0);
  });

  it('connects to the address that was checked, whatever the name leads to a moment later', async () => {
    const { port } = await serve((request, response) => response.end(request.headers.host));
    let asked = 0;
    const resolve = () => Promise.resolve([++asked === 1 ? '127.0.0.1' : '10.255.255.1']);
    const guarded = createGuardedFetch({ ...sandbox, allowedNetworks: ['127.0.0.1'], resolve });
    const response = await guarded(`http://rebinding.example:${port}/`);
    assert.equal(await response.text(), `rebinding.example:${port}`);
    assert.equal(asked, 1);
  });

  it('asks for the address anew each time, and keeps no connection that an earlier answer allowed', async () => {
    const { port, arrived } = await serve((_request, response) => response.end());
    let asked = 0;
    const resolve = () => Promise.resolve([++asked === 1 ? '127.0.0.1' : '10.255.255.1']);
    const guarded = createGuardedFetch({ ...sandbox, allowedNetworks: ['127.0.0.1'], resolve });
    await guarded(`http://rebinding.example:${port}/`);
    await assert.rejects(guarded(`http://rebinding.example:${port}/`), refusal('outbound_address_refused'));
    assert.equal(arrived.requests, 1);
  });

  it('follows no redirect', async () => {
    const inside = await serve((_request, response) => response.end('inside'));
    for (const status of [301, 302, 303, 307, 308]) {
      const { url } = await serve((_request, response) => response.writeHead(status, { Location: inside.url }).end());
      const guarded = createGuardedFetch(sandbox);
      await assert.rejects(guarded(url), refusal('outbound_redirect_refused'));
      await assert.rejects(guarded(url, { redirect: 'error' }), refusal('outbound_redirect_refused'));
      assert.equal((await guarded(url, { redirect: 'manual' })).status, status);
    }
    assert.equal(inside.arrived.requests, 0);
  });

  it('keeps no connection for the next fetch', async () => {
    const ports = new Set<number | undefined>();
    const { url } = await serve((request, response) => {
      ports.add(request.socket.remotePort);
      response.end();
    });
    const guarded = createGuardedFetch(sandbox);
    for (let round = 0; round < 3; round += 1) await guarded(url);
    assert.equal(ports.size, 3);
  });

  it('lets go of the connection when it refuses an answer by its head', async () => {
    for (const head of [{ Location: '/' }, { 'Content-Encoding': 'gzip' }, { 'Content-Length': '1001' }]) {
      const { promise: closed, resolve: close } = Promise.withResolvers<void>();
      const { url } = await serve((_request, response) => {
        response.on('close', close).writeHead('Location' in head ? 302 : 200, head);
        response.write('begun, and never ended');
      });
      // At once, and not when the time for the whole is over.
      await assert.rejects(createGuardedFetch({ ...sandbox, timeout: 3_600_000 })(url), OutboundError);
      await closed;
    }
  });

  it('gives up when the answer does not begin in time', async () => {
    const { url } = await serve(() => {});
    await assert.rejects(createGuardedFetch({ ...sandbox, timeout: 50 })(url), refusal('outbound_timeout'));
  });

  it('gives up when the body trickles beyond the time for the whole', async () => {
    const { url } = await serve((_request, response) => {
      response.write('{');
      const timer = setInterval(() => response.write(' '), 5);
      response.on('close', () => clearInterval(timer));
    });
    await assert.rejects(createGuardedFetch({ ...sandbox, timeout: 100 })(url), refusal('outbound_timeout'));
  });

  it('gives up when the name server does not answer in time', async () => {
    const resolve = () => new Promise<string[]>(() => {});
    const guarded = createGuardedFetch({ ...sandbox, timeout: 20, resolve });
    // The timeout alone does not keep a process alive; a hub's listener does.
    const alive = setTimeout(() => {}, 5_000);
    await assert.rejects(guarded('https://rp.example/'), refusal('outbound_timeout'));
    clearTimeout(alive);
  });

  it('cuts an endless body off and lets go of the connection', async () => {
    const { promise: closed, resolve: close } = Promise.withResolvers<void>();
    const { url } = await serve((_request, response) => {
      const more = () => {
        while (!response.destroyed && response.write('x'.repeat(500)));
      };
      response.on('drain', more).on('close', close);
      more();
    });
    await assert.rejects(createGuardedFetch(sandbox)(url), refusal('outbound_too_large'));
    await closed;
  });

  it('believes a declared length that is too large, and accepts one that just fits', async () => {
    const { url } = await serve((request, response) => {
      const length = Number(request.url?.slice(1));
      response.setHeader('Content-Length', length);
      if (length > 1_000) response.flushHeaders();
      else response.end('x'.repeat(length));
    });
    const guarded = createGuardedFetch(sandbox);
    await assert.rejects(guarded(`${url}1001`), refusal('outbound_too_large'));
    assert.equal((await (await guarded(`${url}1000`)).text()).length, 1_000);
  });

  it('refuses compressed answers, in which a large body could hide', async () => {
    for (const encoding of ['gzip', 'br', 'identity, gzip']) {
      const { url } = await serve((_request, response) =>
        response.writeHead(200, { 'Content-Encoding': encoding }).end('x'),
      );
      await assert.rejects(createGuardedFetch(sandbox)(url), refusal('outbound_content_encoding_refused'));
    }
  });

  it('refuses plain http unless it is allowed, and every other scheme always', async () => {
    const { url, arrived } = await serve((_request, response) => response.end());
    const strict = createGuardedFetch({ ...sandbox, allowPlainHttp: false });
    await assert.rejects(strict(url), refusal('outbound_scheme_refused'));
    for (const other of ['file:///etc/passwd', 'data:text/plain,x', 'ftp://rp.example/', 'blob:x', 'javascript:1']) {
      await assert.rejects(createGuardedFetch(sandbox)(other), refusal('outbound_scheme_refused'));
    }
    assert.equal(arrived.requests, 0);
  });

  it('refuses credentials in the address', async () => {
    const { port, arrived } = await serve((_request, response) => response.end());
    await assert.rejects(createGuardedFetch(sandbox)(`http://user:pass@127.0.0.1:${port}/`), TypeError);
    assert.equal(arrived.requests, 0);
  });

  it('refuses what is no HTTP, or cut off, or nobody', async () => {
    for (const bytes of ['SSH-2.0-OpenSSH\r\n', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ncut', '']) {
      const tcp = createTcpServer((socket) =>
        socket
          .on('error', () => {})
          .resume()
          .end(bytes),
      ).listen(0, '127.0.0.1');
      await once(tcp, 'listening');
      const { port } = tcp.address() as AddressInfo;
      await assert.rejects(createGuardedFetch(sandbox)(`http://127.0.0.1:${port}/`), refusal('outbound_failed'));
      tcp.close();
      await once(tcp, 'close');
      await assert.rejects(createGuardedFetch(sandbox)(`http://127.0.0.1:${port}/`), refusal('outbound_failed'));
    }
  });

  it('refuses a switch of protocols', async () => {
    const tcp = createTcpServer((socket) => {
      socket
        .on('error', () => {})
        .resume()
        .write('HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n');
    }).listen(0, '127.0.0.1');
    await once(tcp, 'listening');
    const { port } = tcp.address() as AddressInfo;
    await assert.rejects(createGuardedFetch(sandbox)(`http://127.0.0.1:${port}/`), refusal('outbound_failed'));
    tcp.close();
  });

  it('tells a name that does not exist from an address that is refused', async () => {
    const gone = () => Promise.reject(Object.assign(new Error('ENOTFOUND'), { code: 'ENOTFOUND' }));
    for (const resolve of [gone, () => Promise.resolve([])]) {
      const guarded = createGuardedFetch({ ...sandbox, resolve });
      await assert.rejects(guarded('https://rp.example/'), refusal('outbound_unresolvable'));
    }
  });

  it('ends when the caller does not want it any more', async () => {
    const { url } = await serve(() => {});
    const wanted = new AbortController();
    const answer = createGuardedFetch(sandbox)(url, { signal: wanted.signal });
    wanted.abort(new Error('no longer wanted'));
    await assert.rejects(answer, /no longer wanted/);
  });

  it('checks the certificate against the name, not the address', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'musubi-outbound-'));
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const command = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=rp.example -keyout ${key} -out ${cert}`;
    execFileSync('openssl', command.split(' '), { stdio: 'ignore' });
    const tls = createTlsServer({ key: readFileSync(key), cert: readFileSync(cert) }, (_request, response) =>
      response.end(),
    );
    rmSync(folder, { recursive: true });
    const port = await listen(tls);
    const guarded = createGuardedFetch({ ...sandbox, resolve: () => Promise.resolve(['127.0.0.1']) });
    await assert.rejects(guarded(`https://rp.example:${port}/`), (error) => {
      assert.equal(((error as Error).cause as NodeJS.ErrnoException).code, 'DEPTH_ZERO_SELF_SIGNED_CERT');
      return refusal('outbound_failed')(error);
    });
  });
});

describe('the guarded fetch that has known places', () => {
  const at = (configured: readonly string[], over: Partial<GuardedFetchSettings> = {}) =>
    createGuardedFetch({ ...sandbox, allowedNetworks: [], places: { configured, allowed: ['ocsp.example'] }, ...over });

  it('goes to a configured origin, though it is a private address', async () => {
    const { url } = await serve((_request, response) => response.end('list'));
    assert.equal(await (await at([new URL(url).origin])(url)).text(), 'list');
  });

  it('goes to a configured name that leads to a private address', async () => {
    const { port } = await serve((_request, response) => response.end('list'));
    const resolve = () => Promise.resolve(['127.0.0.1']);
    const guarded = at([`http://crl.example:${port}`], { resolve });
    assert.equal(await (await guarded(`http://crl.example:${port}/user.crl`)).text(), 'list');
  });

  it('goes to no other port, scheme, name or address, not even a public one', async () => {
    const { port, arrived } = await serve((_request, response) => response.end());
    const resolve = () => Promise.resolve(['127.0.0.1']);
    const guarded = at([`https://127.0.0.1:${port}`, 'http://127.0.0.1:1', `http://crl.example:${port}`], { resolve });
    for (const url of [
      `http://127.0.0.1:${port}/`,
      `http://localhost:${port}/`,
      `http://[::ffff:127.0.0.1]:${port}/`,
      `http://crl.example.:${port}/`,
      `http://crl.example:${port + 1}/`,
      'http://169.254.169.254/latest/meta-data/',
      'https://93.184.215.14/',
    ]) {
      await assert.rejects(guarded(url), refusal('outbound_host_refused'), url);
    }
    assert.equal(arrived.requests, 0);
  });

  it('goes to an allowed host only where that is public', async () => {
    for (const address of ['127.0.0.1', '10.0.0.1', '169.254.169.254', '::ffff:10.0.0.1', 'fd00::1']) {
      const guarded = at([], { resolve: () => Promise.resolve([address]) });
      await assert.rejects(guarded('http://ocsp.example/'), refusal('outbound_address_refused'), address);
      await assert.rejects(guarded('http://ocsp.example:8080/'), refusal('outbound_host_refused'), address);
    }
  });

  it('follows no redirect from a configured address', async () => {
    const inside = await serve((_request, response) => response.end('inside'));
    for (const location of [inside.url, 'http://169.254.169.254/', '/elsewhere']) {
      const { url, arrived } = await serve((_request, response) =>
        response.writeHead(302, { Location: location }).end(),
      );
      await assert.rejects(at([new URL(url).origin])(url), refusal('outbound_redirect_refused'));
      assert.equal(arrived.requests, 1);
    }
    assert.equal(inside.arrived.requests, 0);
  });
});

describe('the guarded fetch that streams', () => {
  const streaming = (over: Partial<GuardedFetchSettings> = {}) =>
    createGuardedFetch({ ...sandbox, streaming: true, ...over });

  it('hands the body out as it comes', async () => {
    let goOn = () => {};
    const { url } = await serve((_request, response) => {
      response.write('first');
      goOn = () => response.end('second');
    });
    const response = await streaming()(url);
    const chunks: string[] = [];
    for await (const chunk of response.body ?? []) {
      chunks.push(Buffer.from(chunk).toString());
      goOn();
    }
    assert.deepEqual(chunks, ['first', 'second']);
  });

  it('ends a body that becomes too large, and lets go of the connection', async () => {
    const { promise: closed, resolve: close } = Promise.withResolvers<void>();
    const { url } = await serve((_request, response) => {
      const more = () => {
        while (!response.destroyed && response.write('x'.repeat(500)));
      };
      response.on('drain', more).on('close', close);
      more();
    });
    const response = await streaming()(url);
    await assert.rejects(response.arrayBuffer(), refusal('outbound_too_large'));
    await closed;
  });

  it('refuses a declared length that is too large before any of it', async () => {
    const { url } = await serve((_request, response) => {
      response.writeHead(200, { 'Content-Length': '1001' }).write('x');
    });
    await assert.rejects(streaming()(url), refusal('outbound_too_large'));
  });

  it('ends a body that takes too long', async () => {
    const { url } = await serve((_request, response) => response.write('begun, and never ended'));
    const response = await streaming({ timeout: 100 })(url);
    await assert.rejects(response.arrayBuffer(), refusal('outbound_timeout'));
  });

  it('lets go of the connection when the body is left, wanted no more, or none', async () => {
    for (const [status, leave] of [
      [200, async (response: Response) => response.body?.cancel()],
      [304, async () => {}],
    ] as const) {
      const { promise: closed, resolve: close } = Promise.withResolvers<void>();
      const { url } = await serve((_request, response) => {
        response.on('close', close).writeHead(status).flushHeaders();
        if (status === 200) response.write('begun');
      });
      await leave(await streaming({ timeout: 3_600_000 })(url));
      await closed;
    }
    const { url } = await serve((_request, response) => response.write('begun'));
    const wanted = new AbortController();
    const response = await streaming()(url, { signal: wanted.signal });
    wanted.abort(new Error('no longer wanted'));
    await assert.rejects(response.arrayBuffer(), /no longer wanted/);
  });
});
