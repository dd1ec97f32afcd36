import { createHash } from 'node:crypto';
import { createReadStream, readdirSync, readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';
import { pipeline } from 'node:stream';
import { gzipSync } from 'node:zlib';
import type { Middleware } from 'koa';

/** Hexadecimal digits of SHA-256 in an address: enough that two versions of one file never share it. */
const HASH_LENGTH = 16;
/** Seconds: the longest that caches honour. The address changes with the content, so it never goes stale. */
const ONE_YEAR = 31_536_000;

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};

const VIEW_ASSETS = join(import.meta.dirname, '../../views/assets');
const DESIGN_SYSTEM = ['tokens.css', 'fonts.css', 'musubi.css'];

export interface Assets {
  /**
   * Answers a request for an asset: GET and HEAD, ETag, gzip for text, immutable when the address carries the content's
   * hash. Returns false, untouched, for every path outside the prefix; inside it, true (also for its 404 and 405).
   */
  handle(request: IncomingMessage, response: ServerResponse): boolean;
  /** The address path of an asset, e.g. `/assets/3f2a…/musubi.css`. Throws on a name that does not exist: a bug. */
  assetUrl(name: string): string;
  /** Address paths of the design system's style sheets, in the order a page links them. */
  readonly styleSheets: readonly string[];
}

interface Asset {
  hash: string;
  type: string;
  size: number;
  /** A font stays on disk; a text is held, plain and compressed. */
  content: { file: string } | { body: Buffer; gzip: Buffer };
}

/**
 * Makes the list of assets: everything in views/assets, the design tokens, Noto Sans JP, and `extraFiles` (name → absolute
 * path) of the caller. Reads each file once to know its hash. Only names on the list are ever opened, whatever is asked.
 *
 * @param prefix begins and ends with a slash; default `/assets/`
 */
export function loadAssets({
  prefix = '/assets/',
  extraFiles = {},
}: {
  prefix?: string;
  extraFiles?: Readonly<Record<string, string>>;
} = {}): Assets {
  const assets = new Map<string, Asset>();
  const assetUrl = (name: string) => {
    const asset = assets.get(name);
    if (!asset) throw new Error(`no such asset: ${name}`);
    return `${prefix}${asset.hash}/${name}`;
  };
  const addText = (name: string, body: Buffer) =>
    assets.set(name, { ...describe(name, body), content: { body, gzip: gzipSync(body) } });

  const { tokens, fontSheet, fontFolder } = packageFiles();
  for (const name of readdirSync(fontFolder)) {
    if (!name.endsWith('.woff2')) continue;
    const file = join(fontFolder, name);
    assets.set(name, { ...describe(name, readFileSync(file)), content: { file } });
  }
  addText(
    'fonts.css',
    Buffer.from(readFileSync(fontSheet, 'utf8').replaceAll(FONT_REFERENCE, (_, name) => `url(${assetUrl(name)})`)),
  );
  addText('tokens.css', readFileSync(tokens));
  for (const name of readdirSync(VIEW_ASSETS)) {
    if (extname(name) in TYPES) addText(name, readFileSync(join(VIEW_ASSETS, name)));
  }
  for (const [name, file] of Object.entries(extraFiles)) addText(name, readFileSync(file));

  return {
    assetUrl,
    styleSheets: DESIGN_SYSTEM.map(assetUrl),
    handle(request, response) {
      const path = (request.url ?? '').split('?', 1)[0] ?? '';
      if (!path.startsWith(prefix)) return false;
      const [hash, name, ...more] = path.slice(prefix.length).split('/');
      const asset = more.length === 0 ? assets.get(name ?? '') : undefined;
      if (!asset) refuse(response, 404, 'Not found');
      else if (request.method !== 'GET' && request.method !== 'HEAD') refuse(response, 405, 'Use GET');
      else send(request, response, asset, hash === asset.hash);
      return true;
    },
  };
}

/** The same for Koa: mount it before everything that costs work. */
export function serveAssets(assets: Assets): Middleware {
  return async (ctx, next) => {
    if (assets.handle(ctx.req, ctx.res)) ctx.respond = false;
    else await next();
  };
}

const FONT_REFERENCE = /url\(\.\/files\/([a-z0-9-]+\.woff2)\)/g;

function packageFiles() {
  const { resolve } = createRequire(import.meta.url);
  const fontSheet = resolve('@fontsource-variable/noto-sans-jp/wght.css');
  return {
    tokens: join(dirname(resolve('@digital-go-jp/design-tokens')), 'tokens.css'),
    fontSheet,
    fontFolder: join(dirname(fontSheet), 'files'),
  };
}

function describe(name: string, body: Buffer): Omit<Asset, 'content'> {
  const type = TYPES[extname(name)];
  if (!type) throw new Error(`no content type for asset: ${name}`);
  return { type, size: body.length, hash: createHash('sha256').update(body).digest('hex').slice(0, HASH_LENGTH) };
}

function send(request: IncomingMessage, response: ServerResponse, asset: Asset, isCurrentAddress: boolean): void {
  const { content } = asset;
  const compressed = 'gzip' in content && /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''));
  const etag = compressed ? `"${asset.hash}-gzip"` : `"${asset.hash}"`;
  // An address of another version (a page from before an upgrade, or from another node during one) gets what we have.
  response.setHeader('Cache-Control', isCurrentAddress ? `public, max-age=${ONE_YEAR}, immutable` : 'no-cache');
  response.setHeader('ETag', etag);
  response.setHeader('X-Content-Type-Options', 'nosniff');
  response.setHeader('Cross-Origin-Resource-Policy', 'same-origin');
  if ('gzip' in content) response.setHeader('Vary', 'Accept-Encoding');
  const known = String(request.headers['if-none-match'] ?? '').split(/\s*,\s*/);
  if (known.some((tag) => tag === '*' || tag.replace(/^W\//, '') === etag)) {
    response.writeHead(304).end();
    return;
  }
  response.setHeader('Content-Type', asset.type);
  if (compressed) response.setHeader('Content-Encoding', 'gzip');
  const body = 'body' in content ? (compressed ? content.gzip : content.body) : undefined;
  response.setHeader('Content-Length', body?.length ?? asset.size);
  response.writeHead(200);
  if (request.method === 'HEAD') response.end();
  else if ('file' in content) pipeline(createReadStream(content.file), response, () => {});
  else response.end(body);
}

function refuse(response: ServerResponse, status: 404 | 405, text: string): void {
  response.setHeader('Content-Type', 'text/plain; charset=utf-8');
  response.setHeader('X-Content-Type-Options', 'nosniff');
  response.setHeader('Cache-Control', 'no-store');
  if (status === 405) response.setHeader('Allow', 'GET, HEAD');
  response.writeHead(status).end(`${text}\n`);
}
