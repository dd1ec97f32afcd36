import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { builtInCatalogue } from '../../../provider/attributes/catalogue/catalogue.ts';
import { withFreshness } from '../../../provider/saml/attribute_wishes.ts';
import type { AskedAttribute, AuthnRequest } from '../../../provider/saml/messages.ts';
import { NAME_ID_FORMATS, STATUS } from '../../../provider/saml/names.ts';
import { type PlanWorld, planSignOn } from '../../../provider/saml/plan_sign_on.ts';
import type { ServiceProvider } from '../../../provider/saml/service_provider.ts';
import { SP } from '../../support/saml/messages.ts';
import { serviceProvider } from '../../support/saml/providers.ts';

const NOW = Date.UTC(2026, 0, 1);
const CLASS = 'urn:oasis:names:tc:SAML:2.0:ac:classes:';

const RULES: PlanWorld = {
  acrValues: ['urn:example:online'],
  certificateSignIn: true,
  catalogue: builtInCatalogue,
  answerWithin: 1200,
};

const someServiceProvider: typeof serviceProvider = (metadata, settings) =>
  serviceProvider(
    {
      assertionConsumerServices: [
        { binding: 'post', location: 'https://sp.example/acs', index: 0, isDefault: true },
        { binding: 'post', location: 'https://sp.example/other', index: 7, isDefault: false },
      ],
      ...metadata,
    },
    settings,
  );

function request(parts: Partial<AuthnRequest> = {}): AuthnRequest {
  return {
    kind: 'AuthnRequest',
    id: '_1',
    issuer: SP,
    issueInstant: NOW,
    isSigned: false,
    forceAuthn: false,
    isPassive: false,
    assertionConsumerServiceUrl: undefined,
    assertionConsumerServiceIndex: undefined,
    protocolBinding: undefined,
    attributeConsumingServiceIndex: undefined,
    requestedAttributes: undefined,
    nameIdPolicy: undefined,
    requestedAuthnContext: undefined,
    subject: undefined,
    ...parts,
  };
}

function plan(parts: Partial<AuthnRequest> = {}, provider: ServiceProvider = someServiceProvider(), rules = RULES) {
  return planSignOn({ provider, request: request(parts), relayState: undefined }, rules);
}

function planned(...parts: Parameters<typeof plan>) {
  const result = plan(...parts);
  assert.ok('plan' in result, JSON.stringify(result));
  return result.plan;
}

function refused(...parts: Parameters<typeof plan>) {
  const result = plan(...parts);
  assert.ok('refusal' in result, 'planned');
  assert.equal(result.refusal.acs, 'https://sp.example/acs');
  return result.refusal.statusCodes;
}

describe('where the answer goes', () => {
  it('is the default address of the metadata, unless the request names another one of them', () => {
    assert.equal(planned().exchange.acs, 'https://sp.example/acs');
    const other = 'https://sp.example/other';
    assert.equal(planned({ assertionConsumerServiceUrl: other }).exchange.acs, other);
    assert.equal(planned({ assertionConsumerServiceIndex: 7 }).exchange.acs, other);
  });

  for (const [name, parts] of Object.entries<Partial<AuthnRequest>>({
    'an index that is not there': { assertionConsumerServiceIndex: 1 },
    'another host': { assertionConsumerServiceUrl: 'https://evil.example/acs' },
    'a longer path': { assertionConsumerServiceUrl: 'https://sp.example/acs/' },
    'another letter case': { assertionConsumerServiceUrl: 'https://SP.example/acs' },
    'a query': { assertionConsumerServiceUrl: 'https://sp.example/acs?x' },
    nothing: { assertionConsumerServiceUrl: '' },
  })) {
    it(`is never ${name}`, () => {
      assert.throws(() => plan(parts), { code: 'saml_acs_unknown', status: 400 });
    });
  }

  it('gets a refusal when the answer is wanted by another binding than the form', () => {
    const artifact = 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Artifact';
    assert.deepEqual(refused({ protocolBinding: artifact }), [STATUS.requester, STATUS.unsupportedBinding]);
    planned({ protocolBinding: 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST' });
  });
});

describe('how the person is named', () => {
  const format = (wanted: string | undefined, formats: string[] = [], allowCreate = true) =>
    planned(
      { nameIdPolicy: { format: wanted, spNameQualifier: undefined, allowCreate } },
      someServiceProvider({ nameIdFormats: formats }),
    ).exchange.nameIdFormat;

  it('is as the policy says, whatever AllowCreate says', () => {
    assert.equal(format(NAME_ID_FORMATS.transient), 'transient');
    assert.equal(format(NAME_ID_FORMATS.persistent, [], false), 'persistent');
  });

  it('is as the metadata prefers where the policy leaves it open, and else persistent', () => {
    assert.equal(planned().exchange.nameIdFormat, 'persistent');
    assert.equal(format(undefined, [NAME_ID_FORMATS.emailAddress, NAME_ID_FORMATS.transient]), 'transient');
    assert.equal(format(NAME_ID_FORMATS.unspecified, [NAME_ID_FORMATS.persistent]), 'persistent');
  });

  it('is refused for a format that the hub has nothing for, and for an affiliation', () => {
    const refusal = [STATUS.requester, STATUS.invalidNameIdPolicy];
    const policy = { format: NAME_ID_FORMATS.emailAddress, spNameQualifier: undefined, allowCreate: true };
    assert.deepEqual(refused({ nameIdPolicy: policy }), refusal);
    const affiliation = { format: undefined, spNameQualifier: 'https://group.example', allowCreate: true };
    assert.deepEqual(refused({ nameIdPolicy: affiliation }), refusal);
    planned({ nameIdPolicy: { ...affiliation, spNameQualifier: SP } });
  });
});

describe('how strongly', () => {
  const classes = (
    comparison: 'exact' | 'minimum' | 'maximum' | 'better',
    names: string[],
    rules: Partial<PlanWorld> = {},
  ) => {
    const parts = { requestedAuthnContext: { comparison, classes: names } };
    const result = plan(parts, someServiceProvider(), { ...RULES, ...rules });
    return 'plan' in result ? result.plan.exchange.classes : result.refusal.statusCodes;
  };
  const both = (name: string) => ({ challenge: CLASS + name, tls: CLASS + name });
  const NONE = [STATUS.responder, STATUS.noAuthnContext];

  it('is told as a smart card where nothing is asked for', () => {
    assert.deepEqual(planned().exchange.classes, both('SmartcardPKI'));
  });

  it('exact: the first of the classes that is true, by that very name', () => {
    assert.deepEqual(classes('exact', [`${CLASS}Password`, `${CLASS}X509`, `${CLASS}SmartcardPKI`]), both('X509'));
    assert.deepEqual(classes('exact', [`${CLASS}PasswordProtectedTransport`]), NONE);
    assert.deepEqual(classes('exact', ['https://refeds.org/profile/mfa']), {
      challenge: 'https://refeds.org/profile/mfa',
      tls: 'https://refeds.org/profile/mfa',
    });
  });

  it('exact: a TLS client only where the card signed a handshake', () => {
    assert.deepEqual(classes('exact', [`${CLASS}TLSClient`]), { challenge: undefined, tls: `${CLASS}TLSClient` });
    assert.deepEqual(classes('exact', [`${CLASS}TLSClient`], { certificateSignIn: false }), NONE);
  });

  it('exact: a revocation policy by its acr value, which the engine is asked to meet', () => {
    const asked = { requestedAuthnContext: { comparison: 'exact' as const, classes: ['urn:example:online'] } };
    assert.deepEqual(planned(asked).acrValues, ['urn:example:online']);
    assert.equal(planned(asked).exchange.classes.challenge, 'urn:example:online');
  });

  it('minimum: the strongest that is true, if one of those asked for is no stronger', () => {
    assert.deepEqual(classes('minimum', [`${CLASS}Password`]), both('SmartcardPKI'));
    assert.deepEqual(classes('minimum', [`${CLASS}SmartcardPKI`]), both('SmartcardPKI'));
    assert.deepEqual(classes('minimum', ['urn:nobody:knows']), NONE);
  });

  it('better: stronger than all that are named', () => {
    assert.deepEqual(classes('better', [`${CLASS}X509`, `${CLASS}Password`]), both('SmartcardPKI'));
    assert.deepEqual(classes('better', [`${CLASS}SmartcardPKI`]), NONE);
  });

  it('maximum: never more than is named, and never what was not done', () => {
    assert.equal((classes('maximum', [`${CLASS}X509`]) as { challenge: string }).challenge, `${CLASS}X509`);
    assert.deepEqual(classes('maximum', [`${CLASS}SmartcardPKI`]), both('SmartcardPKI'));
    assert.deepEqual(classes('maximum', [`${CLASS}InternetProtocol`]), both('unspecified'));
  });
});

describe('what is asked of the person', () => {
  it('is the claims that the operator and the metadata name, by any of their names', () => {
    const service = (index: number, isDefault: boolean, names: [string, boolean][]) => ({
      ...{ index, isDefault, names: {}, descriptions: {} },
      requested: names.map(([name, isRequired]) => ({ name, nameFormat: undefined, isRequired })),
    });
    const provider = someServiceProvider(
      {
        attributeConsumingServices: [
          service(1, true, [
            ['urn:oid:2.16.840.1.113730.3.1.241', true],
            ['gender', false],
            ['sub', true],
            ['urn:oid:1.2.3', true],
          ]),
          service(2, false, [['http://eidas.europa.eu/attributes/naturalperson/DateOfBirth', false]]),
        ],
      },
      { claims: ['name'] },
    );
    assert.deepEqual(planned({}, provider).exchange.claims, { name: true, gender: false });
    const second = planned({ attributeConsumingServiceIndex: 2 }, provider);
    assert.deepEqual(second.exchange.claims, { name: false, birthdate: false });
    const codes = refused({ attributeConsumingServiceIndex: 3 }, provider);
    assert.deepEqual(codes, [STATUS.requester, STATUS.requestUnsupported]);
  });

  const asked = (name: string, parts: Partial<AskedAttribute & { isRequired: boolean }> = {}) => ({
    ...{ name, isRequired: false, targetDate: undefined, maxAge: undefined },
    ...parts,
  });
  const allowed = someServiceProvider({}, { claims: ['name', 'gender', 'health_insurance_valid'] });

  it('is what the request lists itself, of what it may ask for at all', () => {
    const requestedAttributes = [
      asked('urn:oid:2.16.840.1.113730.3.1.241', { isRequired: true }),
      ...['gender', 'birthdate', 'sub', 'urn:oid:1.2.3'].map((name) => asked(name)),
    ];
    assert.deepEqual(planned({ requestedAttributes }, allowed).exchange.claims, { name: true, gender: false });
    assert.deepEqual(planned({ requestedAttributes: [asked('birthdate')] }, allowed).exchange.claims, {});
  });

  it('has a day and an age where the request says so, signed: another’s hand on it would change what is learnt', () => {
    const requestedAttributes = [
      asked('gender'),
      asked('health_insurance_valid', { targetDate: '2026-12-01', maxAge: 60 }),
    ];
    const wishes = { health_insurance_valid: { targetDate: '2026-12-01', maxAge: 60 } };
    assert.deepEqual(planned({ requestedAttributes, isSigned: true }, allowed).exchange.wishes, wishes);
    assert.deepEqual(refused({ requestedAttributes }, allowed), [STATUS.requester, STATUS.requestDenied]);
    assert.deepEqual(planned({ requestedAttributes: [asked('gender')] }, allowed).exchange.wishes, {});
  });

  it('is one thing of one claim, whatever names it has', () => {
    const named = (name: string, maxAge: number | undefined) => asked(name, { maxAge });
    const two = (other: number | undefined) => ({
      isSigned: true,
      requestedAttributes: [named('birthdate', 60), named('urn:oid:1.3.6.1.4.1.25178.1.2.3', other)],
    });
    for (const other of [61, undefined]) {
      assert.deepEqual(refused(two(other)), [STATUS.requester, STATUS.requestUnsupported]);
    }
    assert.deepEqual(planned(two(60)).exchange.wishes, { birthdate: { maxAge: 60 } });
  });

  it('is as fresh as the operator has registered, or fresher', () => {
    const { settings } = someServiceProvider({}, { freshness: { health_insurance_valid: 60, pension_record: 5 } });
    const wishes = { health_insurance_valid: { targetDate: '2026-12-01', maxAge: 90 }, medical_costs: { maxAge: 7 } };
    assert.deepEqual(withFreshness(settings, wishes), {
      health_insurance_valid: { targetDate: '2026-12-01', maxAge: 60 },
      ...{ medical_costs: { maxAge: 7 }, pension_record: { maxAge: 5 } },
    });
    assert.deepEqual(withFreshness(settings, { pension_record: { maxAge: 1 } }).pension_record, { maxAge: 1 });
    assert.deepEqual(withFreshness(someServiceProvider().settings), {});
  });

  it('is to show the card again, or nothing at all; both cannot be', () => {
    assert.equal(planned({ forceAuthn: true }).prompt, 'login');
    assert.equal(planned({ isPassive: true }).prompt, 'none');
    assert.deepEqual(refused({ forceAuthn: true, isPassive: true }), [STATUS.responder, STATUS.noPassive]);
  });

  it('is nothing when the answer would have to be encrypted and cannot be', () => {
    const provider = someServiceProvider({}, { encryptAssertions: 'always' });
    assert.deepEqual(refused({}, provider), [STATUS.responder, STATUS.requestUnsupported]);
  });
});
