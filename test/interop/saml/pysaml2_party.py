"""A service provider built with pysaml2. One command a line on standard input, one answer a line on standard output, both JSON.

The first argument is the folder with pysaml2_settings.py and pysaml2_listed.py.
"""

import json
import sys

sys.path.insert(0, sys.argv[1])

from pysaml2_listed import listed
from pysaml2_settings import CONFIG
from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT
from saml2.client import Saml2Client
from saml2.config import SPConfig
from saml2.metadata import create_metadata_string

BINDINGS = {"redirect": BINDING_HTTP_REDIRECT, "post": BINDING_HTTP_POST}


class Party:
    def __init__(self):
        self.load()
        self.outstanding = {}
        self.name_id = None

    def load(self):
        """Takes the hub's metadata and its own keys again."""
        self.client = Saml2Client(config=SPConfig().load(CONFIG))

    def use_keys(self, keys):
        """Signs with the first, decrypts with each."""
        pairs = [{"key_file": pair["key"], "cert_file": pair["certificate"]} for pair in keys]
        further = [pair["cert_file"] for pair in pairs[1:]]
        CONFIG.update(pairs[0], additional_cert_files=further, encryption_keypairs=pairs)
        self.load()

    def metadata(self):
        return create_metadata_string(None, config=SPConfig().load(CONFIG)).decode()

    def login(self, binding, lists):
        identifier, _, request = self.client.prepare_for_negotiated_authenticate(
            relay_state="/records?year=2026",
            binding=BINDINGS[binding],
            extensions=listed() if lists else None,
        )
        self.outstanding[identifier] = "/"
        return sent(request)

    def consume(self, response):
        answer = self.client.parse_authn_request_response(response, BINDING_HTTP_POST, self.outstanding)
        self.name_id = answer.name_id
        info = answer.session_info()
        return {
            "nameId": answer.name_id.text,
            "format": answer.name_id.format,
            "attributes": answer.ava,
            "sessionIndex": info["session_index"],
            "authnContext": info["authn_info"][0][0],
            "issuer": answer.issuer(),
        }

    def logout(self):
        [(_, request)] = self.client.global_logout(self.name_id).values()
        return sent(request)

    def logged_out(self, response):
        """The hub's answer to our request."""
        answer = self.client.parse_logout_request_response(response, BINDING_HTTP_POST)
        return answer.status_ok()

    def asked_to_log_out(self, request, relay_state):
        """The hub's request, which is answered."""
        return sent(
            self.client.handle_logout_request(
                request, self.name_id, BINDING_HTTP_POST, relay_state=relay_state
            )
        )


def sent(request):
    location = dict(request["headers"]).get("Location")
    return {"location": location, "page": request["data"] if location is None else None}


party = Party()
print(json.dumps({"result": None}), flush=True)
for line in sys.stdin:
    command, arguments = json.loads(line)
    try:
        answer = {"result": getattr(party, command)(*arguments)}
    except Exception as error:  # told to the test, which judges it
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
