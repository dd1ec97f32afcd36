# Extensions for a request of pysaml2 that lists its attributes, for which day they are to be and how old they may be (seconds);
# docs/saml.md tells how to use it. test/interop/saml/pysaml2.test.ts runs this very file; what it replaces there are names.
from saml2 import element_to_extension_element
from saml2.extension.requested_attributes import RequestedAttribute, RequestedAttributes
from saml2.saml import NAME_FORMAT_BASIC
from saml2.samlp import Extensions

WISH = "{https://musubi.example/saml/attribute-wish}"


def listed():
    attribute = RequestedAttribute(
        name="health_insurance_valid",
        name_format=NAME_FORMAT_BASIC,
        is_required="true",
        extension_attributes={WISH + "TargetDate": "2026-12-01", WISH + "MaxAge": "60"},
    )
    attributes = RequestedAttributes(requested_attribute=[attribute])
    return Extensions(extension_elements=[element_to_extension_element(attributes)])
