import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HubError } from '../../../provider/errors.ts';
import { parseMailAddress } from '../../../provider/notices_by_mail/mail_address.ts';

const long = (length: number) => 'a'.repeat(length);

describe('a mail address', () => {
  const taken: Record<string, string> = {
    'taro@example.jp': 'taro@example.jp',
    'Taro.Yamada+musubi@Example.JP': 'Taro.Yamada+musubi@example.jp',
    ' taro@example.jp　': 'taro@example.jp',
    "o'brien_1@mail.example.co.jp": "o'brien_1@mail.example.co.jp",
    'taro@日本語.jp': 'taro@xn--wgv71a119e.jp',
    'taro@ドメイン名例。jp': 'taro@xn--eckwd4c7cu47r2wf.jp',
    'taro@xn--wgv71a119e.jp': 'taro@xn--wgv71a119e.jp',
    [`${long(64)}@example.jp`]: `${long(64)}@example.jp`,
  };
  for (const [entered, used] of Object.entries(taken)) {
    it(`is used as ${used.slice(0, 40)} when ${JSON.stringify(entered.slice(0, 40))} is entered`, () => {
      assert.equal(parseMailAddress(entered), used);
    });
  }

  const refused: Record<string, string> = {
    'nothing at all': '',
    'no @': 'taro.example.jp',
    'nothing before the @': '@example.jp',
    'nothing behind it': 'taro@',
    'two of them': 'taro@evil.example@example.jp',
    'a line feed and a header': 'taro@example.jp\nBcc: all@example.jp',
    'carriage return and line feed before the @': 'taro\r\nBcc: x@example.jp',
    'a line feed at the end': 'taro@example.jp\n',
    'a null': 'taro\0@example.jp',
    'a tab': 'taro\t@example.jp',
    'a line separator': 'taro\u2028@example.jp',
    'a name with the address': 'Taro <taro@example.jp>',
    'angle brackets alone': '<taro@example.jp>',
    'two addresses': 'taro@example.jp,hanako@example.jp',
    'two by semicolon': 'taro@example.jp;hanako@example.jp',
    'a quoted part': '"taro yamada"@example.jp',
    'a comment': 'taro(comment)@example.jp',
    'a source route': '@relay.example:taro@example.jp',
    'a percent route': 'taro%example.jp@relay.example',
    'a bang path': 'relay!taro@example.jp',
    'a pipe': '|sh@example.jp',
    'an option of a command': '-oQ/tmp@example.jp',
    'dots side by side': 'taro..yamada@example.jp',
    'a dot first': '.taro@example.jp',
    'a dot last': 'taro.@example.jp',
    'letters beyond ASCII before the @': '太郎@example.jp',
    'a literal of IPv4': 'taro@[127.0.0.1]',
    'numbers as a host': 'taro@127.0.0.1',
    'a number in hexadecimal, which URL parsers take for a host': 'taro@0x7f.1',
    'this machine': 'taro@localhost',
    'an encoded domain': 'taro@example%2ejp',
    'a domain with a port': 'taro@example.jp:25',
    'a domain with a path': 'taro@example.jp/x',
    'a label that begins with a hyphen': 'taro@-example.jp',
    'an empty label': 'taro@example..jp',
    'a dot behind the domain': 'taro@example.jp.',
    '65 characters before the @': `${long(65)}@example.jp`,
    'a label of 64': `taro@${long(64)}.jp`,
    '255 characters': `taro@${Array.from({ length: 5 }, () => long(49)).join('.')}.jp`.slice(0, 255),
    'a megabyte': `${long(1_000_000)}@example.jp`,
  };
  for (const [what, entered] of Object.entries(refused)) {
    it(`is not one with ${what}`, () => {
      assert.throws(
        () => parseMailAddress(entered),
        (error) => error instanceof HubError && error.code === 'mail_address_invalid' && !error.message.includes('@'),
      );
    });
  }
});
