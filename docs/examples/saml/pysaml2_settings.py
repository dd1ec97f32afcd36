# Settings of a pysaml2 service provider whose people sign in at Musubi; docs/saml.md tells how to use it.
# test/interop/saml/pysaml2.test.ts runs this very file; what it replaces there are names and paths.
from saml2 import BINDING_HTTP_POST
from saml2.saml import NAMEID_FORMAT_PERSISTENT
from saml2.xmldsig import DIGEST_SHA256, SIG_RSA_SHA256

CONFIG = {
    "entityid": "https://portal.example.jp/saml/metadata",
    "service": {
        "sp": {
            "name": "市民ポータル",
            "endpoints": {
                "assertion_consumer_service": [("https://portal.example.jp/saml/acs", BINDING_HTTP_POST)],
                # By POST: what it answers by redirect it signs as SAML does not allow (SAML Bindings 3.4.4.1).
                "single_logout_service": [("https://portal.example.jp/saml/slo", BINDING_HTTP_POST)],
            },
            "name_id_format": [NAMEID_FORMAT_PERSISTENT],
            "required_attributes": ["displayName"],
            "optional_attributes": ["postalAddress"],
            "authn_requests_signed": True,
            "logout_requests_signed": True,
            "logout_responses_signed": True,
            "want_response_signed": True,
            "want_assertions_signed": True,
            "allow_unsolicited": False,
            "signing_algorithm": SIG_RSA_SHA256,
            "digest_algorithm": DIGEST_SHA256,
        },
    },
    # A logout goes through the browser, so that every website of the session can be told.
    "preferred_binding": {"single_logout_service": [BINDING_HTTP_POST]},
    "key_file": "/etc/portal/saml.key",
    "cert_file": "/etc/portal/saml.crt",
    "encryption_keypairs": [{"key_file": "/etc/portal/saml.key", "cert_file": "/etc/portal/saml.crt"}],
    "metadata": {
        "remote": [
            {
                "url": "https://id.example.jp/saml/metadata",
                # The hub's certificate, brought over by another way than the metadata itself.
                "cert": "/etc/portal/musubi.pem",
                "node_name": "urn:oasis:names:tc:SAML:2.0:metadata:EntityDescriptor",
            },
        ],
    },
    "xmlsec_binary": "/usr/bin/xmlsec1",
}
