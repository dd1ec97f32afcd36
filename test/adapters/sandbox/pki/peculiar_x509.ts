/**
 * @peculiar/x509 as the second opinion. Its dependency container refuses to load without the metadata functions of a
 * package that it does not bring along. No class of it keeps such metadata, so answering "none" is enough.
 */
Object.assign(Reflect, { getMetadata: () => undefined, getOwnMetadata: () => undefined, defineMetadata: () => {} });

export const { X509Certificate: PeculiarCertificate, X509Crl: PeculiarCrl } = await import('@peculiar/x509');
