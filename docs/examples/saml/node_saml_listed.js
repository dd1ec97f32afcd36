// One more setting of @node-saml/node-saml (node_saml_settings.js), for a request that lists its attributes, for which day they
// are to be and how old they may be (seconds); docs/saml.md tells how to use it. test/interop/saml/node_libraries.test.ts runs
// this very file; what it replaces there are names.
export const samlAuthnRequestExtensions = {
  'req-attr:RequestedAttributes': {
    '@xmlns:req-attr': 'urn:oasis:names:tc:SAML:protocol:ext:req-attr',
    'md:RequestedAttribute': [
      {
        '@xmlns:md': 'urn:oasis:names:tc:SAML:2.0:metadata',
        '@xmlns:wish': 'https://musubi.example/saml/attribute-wish',
        '@Name': 'health_insurance_valid',
        '@isRequired': 'true',
        '@wish:TargetDate': '2026-12-01',
        '@wish:MaxAge': '60',
      },
    ],
  },
};
