/**
 * Headers by which proxies of all makes pass on a client certificate or what they think of it: `Client-Cert`,
 * `Client_Cert`, `X-SSL-Client-Cert`, `X-ARR-ClientCert`, `X-Amzn-Mtls-Clientcert`, `ssl_client_verify` …
 */
const CERTIFICATE_HEADER =
  /client[-_]?(?:cert|dn|verify)|(?:ssl|tls)[-_]?(?:client|cert|verify|subject|issuer|serial)|peer[-_]?cert|mtls/;

/** @param name in lower case */
export function isCertificateHeader(name: string): boolean {
  return CERTIFICATE_HEADER.test(name);
}
