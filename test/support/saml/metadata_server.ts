import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

interface Document {
  body: string;
  status?: number;
  etag?: string;
  lastModified?: string;
}

/** Where service providers, federations and metadata query services publish metadata; documents by their path. */
export interface MetadataServer {
  readonly origin: string;
  readonly documents: Map<string, Document>;
  /** Every answer: path and status. */
  readonly answers: string[];
  close(): Promise<void>;
}

export async function startMetadataServer(): Promise<MetadataServer> {
  const documents = new Map<string, Document>();
  const answers: string[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    const document = documents.get(path);
    const { etag, lastModified } = document ?? {};
    const isKnown =
      (etag !== undefined && request.headers['if-none-match'] === etag) ||
      (lastModified !== undefined && request.headers['if-modified-since'] === lastModified);
    const status = document === undefined ? 404 : isKnown ? 304 : (document.status ?? 200);
    answers.push(`${path} ${status}`);
    response.writeHead(status, {
      'content-type': 'application/samlmetadata+xml',
      ...(etag !== undefined && { etag }),
      ...(lastModified !== undefined && { 'last-modified': lastModified }),
    });
    response.end(status === 200 ? document?.body : undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://localhost:${(server.address() as AddressInfo).port}`,
    documents,
    answers,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
