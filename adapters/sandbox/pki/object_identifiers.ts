/** Object identifiers of the profile, with their sources. JPKI's arc is 1.2.392.200149.8.5 (J-LIS). */
export const OID = {
  countryName: '2.5.4.6',
  localityName: '2.5.4.7',
  organizationName: '2.5.4.10',
  organizationalUnitName: '2.5.4.11',
  commonName: '2.5.4.3',

  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  issuerAltName: '2.5.29.18',
  basicConstraints: '2.5.29.19',
  cRLNumber: '2.5.29.20',
  reasonCode: '2.5.29.21',
  invalidityDate: '2.5.29.24',
  deltaCRLIndicator: '2.5.29.27',
  issuingDistributionPoint: '2.5.29.28',
  certificateIssuer: '2.5.29.29',
  cRLDistributionPoints: '2.5.29.31',
  certificatePolicies: '2.5.29.32',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  authorityInfoAccess: '1.3.6.1.5.5.7.1.1',

  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  ocspSigning: '1.3.6.1.5.5.7.3.9',
  accessOcsp: '1.3.6.1.5.5.7.48.1',
  qualifierCps: '1.3.6.1.5.5.7.2.1',
  ocspBasic: '1.3.6.1.5.5.7.48.1.1',
  ocspNonce: '1.3.6.1.5.5.7.48.1.2',
  ocspNoCheck: '1.3.6.1.5.5.7.48.1.5',

  sha1: '1.3.14.3.2.26',
  sha256: '2.16.840.1.101.3.4.2.1',

  /** Production policies; the sandbox never uses them by itself. */
  policyUser: '1.2.392.200149.8.5.1.3.30',
  policySigning: '1.2.392.200149.8.5.1.1.20',
  /** The authority's test arc: signing as seen on test cards, user by analogy. */
  policyUserTest: '1.2.392.200149.8.5.1.0.30',
  policySigningTest: '1.2.392.200149.8.5.1.0.20',
  /** The same on phones. INFERRED: signing by analogy with what is reported of production (`.1.40`), user by the pattern. */
  policySigningOnPhoneTest: '1.2.392.200149.8.5.1.0.40',
  policyUserOnPhoneTest: '1.2.392.200149.8.5.1.0.50',

  /** The four attributes with their substitute-character flags. */
  attributeName: '1.2.392.200149.8.5.5.1',
  attributeNameSubstitutes: '1.2.392.200149.8.5.5.2',
  attributeGender: '1.2.392.200149.8.5.5.3',
  attributeDateOfBirth: '1.2.392.200149.8.5.5.4',
  attributeAddress: '1.2.392.200149.8.5.5.5',
  attributeAddressSubstitutes: '1.2.392.200149.8.5.5.6',
} as const;
