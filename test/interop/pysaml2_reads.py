"""Reads SAML messages as a service provider on pysaml2 does, schema included, and prints what it made of them.

Standard input: {"metadata", "entityId", "acs", "key", "responses": [base64 …], "outstanding": {id: ""}, "documents": [xml …]}
Standard output: {"responses": [{"nameId", "sessionIndex", "classRef", "attributes"} | {"error"}], "documents": [error | null …]}
"""

import json
import sys
import tempfile
from xml.etree import ElementTree

from saml2 import BINDING_HTTP_POST
from saml2.client import Saml2Client
from saml2.config import Config
from saml2.xml.schema import node_to_schema

task = json.load(sys.stdin)

with tempfile.NamedTemporaryFile("w", suffix=".pem") as key:
    key.write(task["key"])
    key.flush()
    config = Config().load(
        {
            "entityid": task["entityId"],
            "xmlsec_binary": "/usr/bin/xmlsec1",
            "key_file": key.name,
            "encryption_keypairs": [{"key_file": key.name}],
            "service": {
                "sp": {
                    "endpoints": {"assertion_consumer_service": [(task["acs"], BINDING_HTTP_POST)]},
                    "want_response_signed": True,
                    "want_assertions_signed": True,
                    "allow_unsolicited": False,
                }
            },
            "metadata": {"inline": [task["metadata"]]},
            "allow_unknown_attributes": True,
        }
    )
    client = Saml2Client(config)

    def read(message):
        try:
            answer = client.parse_authn_request_response(message, BINDING_HTTP_POST, dict(task["outstanding"]))
            return {
                "nameId": answer.name_id.text,
                "sessionIndex": answer.session_info()["session_index"],
                "classRef": answer.authn_info()[0][0],
                "attributes": {
                    attribute.name: [value.text or "" for value in attribute.attribute_value]
                    for statement in answer.assertion.attribute_statement
                    for attribute in statement.attribute
                },
            }
        except Exception as error:  # whatever it refuses by
            return {"error": f"{type(error).__name__}: {error}"}

    def judge(document):
        try:
            namespace, name = ElementTree.fromstring(document).tag[1:].split("}")
            node_to_schema[f"{namespace}:{name}"].validate(document)
            return None
        except Exception as error:
            return f"{type(error).__name__}: {error}"

    json.dump(
        {
            "responses": [read(message) for message in task["responses"]],
            "documents": [judge(document) for document in task["documents"]],
        },
        sys.stdout,
    )
