"""Asks a hub for attributes over SOAP with pysaml2, which signs, sends, verifies and decrypts, and prints what it was told.

pysaml2's own call for all of that at once cannot read what others answer: it writes the body of the envelope anew under
prefixes of its own before it verifies it, and wants a confirmation by which the subject could be presented somewhere.

Standard input: {"metadata", "hub", "entityId", "acs", "key", "certificate", "queries": [{"nameId", "attributes"?} …]}
Standard output: [{"status": [code …], "nameId"?, "attributes"?: {name: [value …]}} | {"error"} …]
"""

import json
import re
import sys
import tempfile

from saml2 import BINDING_HTTP_POST, BINDING_SOAP, class_name, extension_elements_to_elements, saml, samlp
from saml2.client import Saml2Client
from saml2.config import Config
from saml2.xmldsig import DIGEST_SHA256, SIG_RSA_SHA256

task = json.load(sys.stdin)


def file_with(text):
    file = tempfile.NamedTemporaryFile("w", suffix=".pem")
    file.write(text)
    file.flush()
    return file


with file_with(task["key"]) as key, file_with(task["certificate"]) as certificate:
    client = Saml2Client(
        Config().load(
            {
                "entityid": task["entityId"],
                "xmlsec_binary": "/usr/bin/xmlsec1",
                "key_file": key.name,
                "cert_file": certificate.name,
                "service": {
                    "sp": {"endpoints": {"assertion_consumer_service": [(task["acs"], BINDING_HTTP_POST)]}}
                },
                "metadata": {"inline": [task["metadata"]]},
                "allow_unknown_attributes": True,
            }
        )
    )
    [service] = client.metadata.attribute_service(task["hub"], BINDING_SOAP)

    def codes(status_code):
        return [] if status_code is None else [status_code.value.rsplit(":", 1)[1], *codes(status_code.status_code)]

    def assertion_in(text):
        """The one assertion of a response, decrypted where it has to be, after its signature was found good."""
        response = samlp.response_from_string(text)
        if response.encrypted_assertion:
            text = client.sec.decrypt(text, key.name)
            [encrypted] = samlp.response_from_string(text).encrypted_assertion
            [assertion] = extension_elements_to_elements(encrypted.extension_elements, [saml])
        else:
            [assertion] = response.assertion
        client.sec.check_signature(assertion, class_name(assertion), text)
        return assertion

    def ask(query):
        try:
            _, message = client.create_attribute_query(
                service["location"],
                query["nameId"],
                attribute={name: None for name in query.get("attributes", [])},
                sign=True,
                sign_alg=SIG_RSA_SHA256,
                digest_alg=DIGEST_SHA256,
            )
            answer = client.send_using_soap(message, service["location"])
            text = re.search("<samlp:Response .*</samlp:Response>", answer.text, re.S).group()
            response = client.sec.correctly_signed_response(text, must=True, require_response_signature=True)
            told = {"status": codes(response.status.status_code)}
            if "Assertion " not in text and "EncryptedAssertion" not in text:
                return told
            assertion = assertion_in(text)
            return {
                **told,
                "nameId": assertion.subject.name_id.text,
                "attributes": {
                    attribute.name: [value.text or "" for value in attribute.attribute_value]
                    for statement in assertion.attribute_statement
                    for attribute in statement.attribute
                },
            }
        except Exception as error:  # whatever it refuses by
            return {"error": f"{type(error).__name__}: {error}"}

    json.dump([ask(query) for query in task["queries"]], sys.stdout)
