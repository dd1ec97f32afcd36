"""Prints the metadata of a service provider on pysaml2, signed by its own key.

Standard input: {"entityId", "acs", "slo", "key", "certificate"}
"""

import json
import sys
import tempfile

from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT
from saml2.config import SPConfig
from saml2.metadata import entity_descriptor, sign_entity_descriptor
from saml2.sigver import security_context
from saml2.xmldsig import DIGEST_SHA256, SIG_RSA_SHA256

task = json.load(sys.stdin)

with tempfile.NamedTemporaryFile("w", suffix=".pem") as key, tempfile.NamedTemporaryFile("w", suffix=".crt") as certificate:
    key.write(task["key"])
    key.flush()
    certificate.write(task["certificate"])
    certificate.flush()
    config = SPConfig().load(
        {
            "entityid": task["entityId"],
            "xmlsec_binary": "/usr/bin/xmlsec1",
            "key_file": key.name,
            "cert_file": certificate.name,
            "encryption_keypairs": [{"key_file": key.name, "cert_file": certificate.name}],
            "service": {
                "sp": {
                    "authn_requests_signed": True,
                    "endpoints": {
                        "assertion_consumer_service": [(task["acs"], BINDING_HTTP_POST)],
                        "single_logout_service": [(task["slo"], BINDING_HTTP_REDIRECT)],
                    },
                    "required_attributes": ["displayName"],
                    "ui_info": {
                        "display_name": [{"text": "みんなの医院", "lang": "ja"}],
                        "privacy_statement_url": {"text": "https://pysaml2.example/privacy", "lang": "ja"},
                    },
                }
            },
        }
    )
    context = security_context(config)
    _, signed = sign_entity_descriptor(entity_descriptor(config), None, context, SIG_RSA_SHA256, DIGEST_SHA256)

print(signed)
