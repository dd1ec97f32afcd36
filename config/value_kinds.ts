import { isIP } from 'node:net';
import { z } from 'zod';
import { isAddressOrNetwork } from './networks.ts';

/**
 * The kinds of values that settings have. Each says in its own words what it wants, so that a fault reads "must be …".
 * None of them looks at the disk or the network.
 */

/** Whole number in a unit that the setting names. */
export function wholeNumber(min: number, max: number) {
  const error = `must be a whole number from ${min} to ${max}`;
  return z.int({ error }).min(min, { error }).max(max, { error });
}

/** TCP port; 0 lets the machine choose a free one. */
export const port = () => {
  const error = 'must be a port number from 0 to 65535 (0: any free port)';
  return z.int({ error }).min(0, { error }).max(65_535, { error });
};

export const flag = () => z.boolean({ error: 'must be true or false' });

export function oneOf<const T extends readonly [string, ...string[]]>(values: T) {
  return z.enum(values, { error: `must be one of ${values.map((value) => `"${value}"`).join(', ')}` });
}

/** Text for people to read, on one line. */
export function shortText(maxLength: number) {
  const error = `must be text of 1 to ${maxLength} characters on one line`;
  const hasControlCharacter = (text: string) => [...text].some((char) => char < ' ' || char === '\u007f');
  return z
    .string({ error })
    .refine((text) => text.trim() !== '' && text.length <= maxLength && !hasControlCharacter(text), { error });
}

/** A host name or address to listen on. */
export const listenHost = () => {
  const error = 'must be a host name or an IP address without port';
  return z.string({ error }).refine((host) => isIP(host) !== 0 || (isHostName(host) && host.length <= 253), { error });
};

/** Scheme, host and port, spelled as a browser spells `location.origin`. */
export const origin = () => {
  const error = 'must be an origin, https://host or https://host:port in lower case, without path, query or user';
  return z.string({ error }).refine((text) => isOrigin(text), { error });
};

/** An http or https address without credentials and without fragment. */
export const httpAddress = () => {
  const error = 'must be an http or https address without user name, password or fragment';
  return z.string({ error }).refine((text) => isHttpAddress(text), { error });
};

/** Absolute URI without fragment (RFC 8707 §2). */
export const resourceIdentifier = () => {
  const error = 'must be an absolute URI without fragment';
  return z.string({ error }).refine((text) => URL.canParse(text) && !text.includes('#'), { error });
};

/** A mail address of the operator's own. */
export const mailAddress = () => {
  const error = 'must be a mail address in ASCII, such as notices@id.example.jp';
  const pattern = /^[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@[A-Za-z0-9.-]{1,190}$/;
  return z
    .string({ error })
    .refine((text) => text.length <= 254 && pattern.test(text) && isHostName(text.slice(text.indexOf('@') + 1)), {
      error,
    });
};

/** A path; a relative one is resolved against the folder of the configuration file. */
export const filePath = () => {
  const error = 'must be a path of 1 to 1000 characters';
  return z
    .string({ error })
    .refine((text) => text.length > 0 && text.length <= 1000 && !text.includes('\0'), { error });
};

/** One address, or a network in CIDR notation. */
export const addressOrNetwork = () => {
  const error = 'must be an IP address or a network such as 10.0.0.0/8 or fd00::/8';
  return z.string({ error }).refine((text) => isAddressOrNetwork(text), { error });
};

/** How one setting refers to another. */
export const referenceName = () => {
  const error = 'must be a name of 1 to 40 lower-case letters, digits and hyphens';
  return z.string({ error }).refine((text) => /^[a-z0-9-]{1,40}$/.test(text), { error });
};

export const objectIdentifier = () => {
  const error = 'must be an object identifier such as 1.2.392.200149.8.5.1.3.30';
  return z
    .string({ error })
    .refine((text) => text.length <= 100 && /^[0-2](\.(0|[1-9]\d{0,15})){2,20}$/.test(text), { error });
};

export const postgresqlAddress = () => {
  const error = 'must be a connection string postgresql://user:password@host:port/database';
  return z
    .string({ error })
    .refine((text) => ['postgresql:', 'postgres:'].includes(URL.parse(text)?.protocol ?? ''), { error });
};

/** An OAuth scope token (RFC 6749 §3.3). */
export const scopeToken = () => {
  const error = 'must be a scope: printable ASCII without space, quotation mark and backslash';
  return z.string({ error }).refine((text) => /^[\x21\x23-\x5b\x5d-\x7e]{1,100}$/.test(text), { error });
};

/** One `acr` value; requests list them with spaces between. */
export const acrValue = () => {
  const error = 'must be an acr value: up to 100 printable ASCII characters without space and quotation mark';
  return z.string({ error }).refine((text) => /^[\x21\x23-\x5b\x5d-\x7e]{1,100}$/.test(text), { error });
};

export function listOf<T extends z.ZodType>(item: T, max: number) {
  const error = `must be a list of at most ${max}`;
  return z.array(item, { error }).max(max, { error });
}

/** A host that never leaves this machine (RFC 8252 §8.3; `localhost` by RFC 6761 §6.3). */
export function isLoopbackHost(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname);
}

function isHostName(text: string): boolean {
  return /^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$/.test(text);
}

function isOrigin(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && isHttp(url) && url.origin === text;
}

function isHttpAddress(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && isHttp(url) && url.username === '' && url.password === '' && !text.includes('#');
}

function isHttp(url: URL): boolean {
  return url.protocol === 'https:' || url.protocol === 'http:';
}
