// For nginx with njs: the certificate of the handshake as RFC 9440 §2.2 wants it in Client-Cert, base64 of the DER between
// colons. Empty when the browser showed none, and nginx sends no empty header.
function header(request) {
  const pem = request.variables.ssl_client_raw_cert;
  return pem ? `:${pem.replace(/-----[A-Z ]+-----|\s/g, '')}:` : '';
}

export default { header };
