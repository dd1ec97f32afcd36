import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { builtInCatalogue } from '../../provider/attributes/catalogue/catalogue.ts';
import { en } from '../../views/words/en.ts';
import { enErrors } from '../../views/words/en_errors.ts';
import { ja } from '../../views/words/ja.ts';
import { jaErrors } from '../../views/words/ja_errors.ts';
import { errorText, languages } from '../../views/words/words.ts';

/** Every text of a table by its path; functions of a name are called with one. */
function texts(table: unknown, path = ''): [string, string][] {
  if (typeof table === 'string') return [[path, table]];
  if (typeof table === 'function') return texts(table('NAME'), `${path}()`);
  assert.ok(table !== null && typeof table === 'object', path);
  return Object.entries(table).flatMap(([key, value]) => texts(value, `${path}.${key}`));
}

const KNOWN_CODES = [
  'challenge_expired',
  'challenge_unknown',
  'challenge_spent',
  'challenge_wrong_session',
  'token_malformed',
  'token_signature_invalid',
  'certificate_malformed',
  'certificate_untrusted',
  'certificate_anchor_expired',
  'certificate_expired',
  'certificate_not_yet_valid',
  'certificate_is_signing',
  'certificate_key_usage',
  'certificate_policy',
  'certificate_profile',
  'path_too_long',
  'path_length_exceeded',
  'path_not_authority',
  'path_issuer_expired',
  'path_critical_extension',
  'path_name_constraints',
  'path_policy',
  'path_work_exceeded',
  'certificate_revoked',
  'certificate_superseded',
  'certificate_on_hold',
  'revocation_unavailable',
  'invalid_client',
  'unregistered_relying_party',
  'invalid_redirect_uri',
  'saml_malformed',
  'saml_encrypted',
  'saml_relay_state_invalid',
  'saml_service_unknown',
  'saml_request_stale',
  'saml_wrong_destination',
  'interaction_expired',
  'interaction_other_browser',
  'consent_refused',
  'too_many_attempts',
  'request_too_large',
  'not_found',
  'server_error',
  'sign_out_failed',
];

describe('words', () => {
  it('have the same keys in both languages, none empty', () => {
    assert.deepEqual(
      texts(en).map(([path]) => path),
      texts(ja).map(([path]) => path),
    );
    assert.deepEqual(Object.keys(enErrors).sort(), Object.keys(jaErrors).sort());
    for (const [path, text] of [ja, en, jaErrors, enErrors].flatMap((table) => texts(table))) {
      assert.ok(text.trim() !== '', path);
    }
  });

  it('tell for every known error what happened and what to do next', () => {
    for (const language of languages) {
      const general = errorText('unknown', language);
      for (const code of KNOWN_CODES) {
        const text = errorText(code, language);
        assert.notEqual(text, general, code);
        assert.ok(text.title && text.body && text.next, code);
      }
    }
  });

  it('give a code that nobody knows the general text', () => {
    for (const code of ['never_heard_of', '', '__proto__', 'constructor', 'toString']) {
      assert.equal(errorText(code, 'ja'), jaErrors.unknown);
      assert.equal(errorText(code, 'en'), enErrors.unknown);
    }
  });

  it('never tell why a card was ended', () => {
    for (const table of [jaErrors, enErrors]) {
      for (const [path, text] of texts(table)) {
        assert.doesNotMatch(text, /死亡|亡くな|国外|転出|deceas|death|died|abroad|serial|シリアル|発行の番号/i, path);
      }
    }
  });

  it('are Japanese in the Japanese table', () => {
    for (const [path, text] of texts(jaErrors)) assert.match(text, /[ぁ-ん]/, path);
  });

  it('have a name for every source of a claim', () => {
    for (const { source } of builtInCatalogue.claims) assert.ok(Object.hasOwn(ja.sources, source), source);
  });
});
