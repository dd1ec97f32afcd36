import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkDocument, MAX_SHOWN_DOCUMENT } from '../../../adapters/card/agent_document.ts';
import { applicationText } from '../../../provider/identity/application.ts';
import { application, NONCE } from './soft_card_factory.ts';

const origin = 'https://hub.example';
const challenge = { origin, nonce: NONCE };
const OTHER_NONCE = Buffer.alloc(32, 1).toString('base64');

const refuses = (document: string, code: string, asked = challenge) =>
  assert.throws(() => checkDocument(document, asked), { code });

describe('a document to be signed', () => {
  it('is taken when it names the site and the request, each on a line of its own', () => {
    checkDocument(application(origin), challenge);
    checkDocument(`${NONCE}\n${origin}`, challenge);
    checkDocument(application('http://localhost:3000'), { origin: 'http://localhost:3000', nonce: NONCE });
  });

  for (const language of ['ja', 'en'] as const) {
    it(`is taken as the hub writes it in ${language}, wherever the terms of use are published`, () => {
      const form = { name: '葛\u{E0100}城　花子', address: '東京都千代田区霞が関１－１', birthdate: '1985-03-15' };
      for (const url of [undefined, 'https://id.example.jp/terms/2026-11', 'https://terms.example', origin]) {
        const terms = { version: '1', url };
        const filledIn = { ...form, gender: 'female', language, takesOver: true };
        checkDocument(applicationText(filledIn, { ...challenge, terms }), challenge);
      }
    });
  }

  it('may be as long as 16 KiB of UTF-8, and not an octet longer', () => {
    const filled = application(origin);
    const room = MAX_SHOWN_DOCUMENT - Buffer.byteLength(filled) - 1;
    const longest = `${filled}\n${'あ'.repeat(Math.floor(room / 3))}${'a'.repeat(room % 3)}`;
    assert.equal(Buffer.byteLength(longest), 16 * 1024);
    checkDocument(longest, challenge);
    refuses(`${longest}a`, 'document_too_large');
  });

  it('is refused without the origin, without the nonce, and with either of another request', () => {
    refuses('', 'document_unbound');
    refuses(NONCE, 'document_unbound');
    refuses(origin, 'document_unbound');
    refuses(application(origin, OTHER_NONCE), 'document_unbound');
    refuses(application('https://other.example'), 'document_unbound');
    refuses(application(origin), 'document_unbound', { origin: 'https://attacker.example', nonce: NONCE });
  });

  it('is refused when the line says more than the origin or the nonce', () => {
    for (const almost of [
      ` ${origin}`,
      `${origin}/`,
      `${origin} `,
      `${origin}:443`,
      `サイト：${origin}`,
      `${origin}.jp`,
    ]) {
      refuses(application(almost), 'document_unbound');
    }
    for (const almost of [` ${NONCE}`, `${NONCE} `, NONCE.slice(0, -1), NONCE.toLowerCase()]) {
      refuses(application(origin, almost), 'document_unbound');
    }
  });

  it('is refused when it names another site as well, for which it would be as good', () => {
    refuses(`${application(origin)}\nhttps://victim.example\n${OTHER_NONCE}`, 'document_unbound');
    refuses(`https://victim.example\n${OTHER_NONCE}\n${application(origin)}`, 'document_unbound');
    refuses(`${application(origin)}\n${origin}`, 'document_unbound');
    refuses(`${application(origin)}\n${NONCE}`, 'document_unbound');
  });

  it('may speak of other addresses in its text', () => {
    checkDocument(`${application(origin)}\n規約：https://other.example/terms\nhttps://other.example/`, challenge);
  });

  for (const [what, character] of Object.entries({
    'a tab': '\t',
    'a carriage return': '\r',
    NUL: '\0',
    'a control of C1': '\u0085',
    'an override of direction': '\u202E',
    'an isolate of direction': '\u2066',
    'a mark of direction': '\u200F',
    'a space without width': '\u200B',
    'a joiner': '\u200D',
    'a soft hyphen': '\u00AD',
    'a mark of byte order': '\uFEFF',
    'a separator of lines': '\u2028',
    'a separator of paragraphs': '\u2029',
    'a character of private use': '\uE000',
    'one of a private plane': '\u{F0000}',
    'half a character': '\uD83D',
    'a noncharacter': '\uFFFE',
    'an invisible letter': '\u3164',
    'an invisible tag': '\u{E0041}',
    'a variation selector after a letter': 'a\uFE0F',
    'two variation selectors': '葛\u{E0100}\u{E0101}',
  })) {
    it(`is refused with ${what}, which would not show`, () => {
      refuses(`${application(origin)}\nあ${character}い`, 'document_characters');
    });
  }

  it('keeps names in the form that their owners write, and every kind of space', () => {
    checkDocument(`${application(origin)}\n葛\u{E0100}城　𠮷田 José\u00A0“Ōno” 髙﨑`, challenge);
  });
});
