import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import {
  builtInCatalogue,
  type CatalogueClaim,
  claimsByScope,
  openCatalogue,
} from '../../../provider/attributes/catalogue/catalogue.ts';
import { type ClaimType, isValueOf } from '../../../provider/attributes/catalogue/claim_type.ts';
import { hasCheckDigit, isDate } from '../../../provider/attributes/catalogue/formats.ts';
import { HubError } from '../../../provider/errors.ts';

const folder = mkdtempSync(join(tmpdir(), 'musubi-catalogue-'));
after(() => rmSync(folder, { recursive: true }));

const WORDS = { ja: '図書館の利用者であること', en: 'That you are a reader of the library' };
const reader = {
  name: 'library_reader',
  source: 'provider',
  type: { kind: 'boolean' },
  label: WORDS,
  explanation: WORDS,
};

function fileOf(content: unknown): string {
  const file = join(folder, 'claims.json');
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

const typeOf = (name: string): ClaimType => (builtInCatalogue.find(name) as CatalogueClaim).type;

describe('the catalogue', () => {
  it('has words in both languages for every claim and everything inside it', () => {
    const assertWords = (words: { ja: string; en: string }, what: string) => {
      assert.match(words.ja, /[ぁ-んァ-ヶ一-龠]|BMI|HbA1c/, what);
      assert.match(words.en, /^[\x20-\x7e“”’]+$/, what);
    };
    const look = (type: ClaimType, what: string): void => {
      if (type.kind === 'list') look(type.items, what);
      if (type.kind === 'text') for (const words of Object.values(type.values ?? {})) assertWords(words, what);
      if (type.kind !== 'object') return;
      for (const [name, member] of Object.entries(type.members)) {
        assertWords(member.label, `${what}.${name}`);
        look(member.type, `${what}.${name}`);
      }
    };
    for (const { name, label, explanation, type } of builtInCatalogue.claims) {
      assertWords(label, name);
      assertWords(explanation, name);
      look(type, name);
    }
  });

  it('asks for each claim by a scope of its own name, and for the identifier by openid', () => {
    const scopes = claimsByScope(builtInCatalogue);
    assert.deepEqual(scopes.openid, ['sub']);
    for (const [scope, names] of Object.entries(scopes)) if (scope !== 'openid') assert.deepEqual(names, [scope]);
  });

  it('finds a claim by its SAML names and by its own', () => {
    assert.equal(builtInCatalogue.findBySamlName('urn:oid:2.5.4.16')?.name, 'address');
    assert.equal(builtInCatalogue.findBySamlName('health_insurance_valid')?.name, 'health_insurance_valid');
    assert.equal(builtInCatalogue.findBySamlName('constructor'), undefined);
  });

  it('takes an operator’s file, and its claims come last', () => {
    const { claims, find } = openCatalogue(fileOf({ claims: [reader] }));
    assert.equal(claims.length, builtInCatalogue.claims.length + 1);
    assert.deepEqual(find('library_reader'), {
      ...reader,
      ...{ scope: 'library_reader', sensitivity: 'ordinary', keepSeconds: 0, targetDate: false, saml: {} },
    });
    assert.equal(claims.at(-1)?.name, 'library_reader');
  });

  const refused: Readonly<Record<string, readonly [content: unknown, why: RegExp]>> = {
    'a file that is no JSON': ['{', /not JSON/],
    'a claim that the hub has itself': [{ claims: [{ ...reader, name: 'address' }] }, /of the hub itself/],
    'a name of the protocol': [{ claims: [{ ...reader, name: 'acr' }] }, /name of the protocol/],
    'another source': [{ claims: [{ ...reader, source: 'signing_certificate' }] }, /source provider/],
    'another scope': [{ claims: [{ ...reader, scope: 'openid' }] }, /must have its name/],
    'the SAML name of another claim': [
      { claims: [{ ...reader, saml: { uri: { name: 'urn:oid:2.5.4.16' } } }] },
      /another claim/,
    ],
    'one language': [{ claims: [{ ...reader, label: { ja: '図書館' } }] }, /label\.en/],
    'a format that is not known': [{ claims: [{ ...reader, type: { kind: 'text', format: 'phone' } }] }, /is none of/],
    'the same name twice': [{ claims: [reader, reader] }, /there twice/],
    'members that are not known': [{ claims: [{ ...reader, colour: 'red' }] }, /colour/],
    'a file that is too large': [' '.repeat(1_048_577), /larger/],
  };
  for (const [what, [content, why]] of Object.entries(refused)) {
    it(`refuses ${what}`, () => {
      assert.throws(
        () => openCatalogue(fileOf(content)),
        (error) => error instanceof HubError && error.code === 'catalogue_invalid' && why.test(error.message),
      );
    });
  }
});

describe('a value', () => {
  const insurance = {
    ...{ valid: true, target_date: '2026-11-30', insurer_number: '06139992', insurer_name: 'むすび健康保険組合' },
    ...{ number: '1234', relation: 'insured', name: '山田　太郎', birthdate: '1985-03-15', gender: 'male' },
    qualified_on: '2015-04-01',
  };

  it('is of its type with every member that must be there, and some that may be', () => {
    assert.ok(isValueOf(typeOf('health_insurance'), insurance));
    assert.ok(isValueOf(typeOf('health_insurance'), { ...insurance, branch: '01', share_of_cost: 30 }));
    assert.ok(isValueOf(typeOf('medical_costs'), []));
  });

  const wrong: Readonly<Record<string, readonly [claim: string, value: unknown]>> = {
    'a text for yes or no': ['health_insurance_valid', 'true'],
    'a member too few': ['health_insurance', { ...insurance, number: undefined }],
    'a member that nobody was shown': ['health_insurance', { ...insurance, blood_group: 'A' }],
    'a check digit that is wrong': ['health_insurance', { ...insurance, insurer_number: '06139993' }],
    'a day that the calendar does not have': ['health_insurance', { ...insurance, birthdate: '1985-02-30' }],
    'a text that is too long': ['health_insurance', { ...insurance, name: '山'.repeat(101) }],
    'a control character': ['health_insurance', { ...insurance, name: 'a\u0000b' }],
    'a number out of range': ['health_insurance', { ...insurance, share_of_cost: 101 }],
    'a whole card number': ['payment_token', { brand: 'M', masked_number: '4111111111111111' }],
    'a list that is too long': ['pension_record', Array.from({ length: 601 }, () => ({}))],
    'an array for an object': ['payment_token', []],
  };
  for (const [what, [claim, value]] of Object.entries(wrong)) {
    it(`is not of its type: ${what}`, () => assert.equal(isValueOf(typeOf(claim), value), false));
  }

  it('of an insurer’s number has the check digit of the ordinance', () => {
    for (const number of ['01130012', '06139992', '139998']) assert.ok(hasCheckDigit(number), number);
    for (const number of ['01130013', '10130012']) assert.ok(!hasCheckDigit(number), number);
  });

  it('that is a date is one', () => {
    assert.ok(isDate('2024-02-29'));
    for (const text of ['2025-02-29', '2025-2-9', '0000-00-00', '2025-13-01', '20250101'])
      assert.ok(!isDate(text), text);
  });
});
