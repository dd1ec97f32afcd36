import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { buildPage, cleanText, localPath, webUrl } from '../../views/models.ts';

describe('webUrl', () => {
  it('passes http and https addresses in canonical form', () => {
    assert.equal(webUrl('https://rp.example/a?b=c#d'), 'https://rp.example/a?b=c#d');
    assert.equal(webUrl('HTTP://RP.example'), 'http://rp.example/');
  });

  it('refuses every other scheme, credentials, giants and what is no address', () => {
    for (const text of [
      'javascript:alert(1)',
      ' javascript:alert(1)',
      'java\nscript:alert(1)',
      'JAVASCRIPT://rp.example/%0aalert(1)',
      'data:text/html,<script>alert(1)</script>',
      'vbscript:x',
      'file:///etc/passwd',
      'blob:https://rp.example/1',
      '//rp.example',
      '/local',
      'https://',
      'https://user@rp.example/',
      'https://rp.example:pass@evil.example/',
      `https://rp.example/${'a'.repeat(3000)}`,
      '',
      undefined,
    ]) {
      assert.equal(webUrl(text), undefined, text);
    }
  });
});

describe('localPath', () => {
  it('passes absolute paths of this site unchanged', () => {
    for (const path of ['/', '/interaction/a-b_c', '/a?b=c&d=%2F', '/a/../b', '/a//b']) {
      assert.equal(localPath(path), path);
    }
  });

  it('refuses everything that a browser could read as another site', () => {
    for (const text of [
      '//evil.example',
      '/\\evil.example',
      '\\/evil.example',
      '/\t/evil.example',
      '/\n/evil.example',
      '\t//evil.example',
      ' //evil.example',
      '/.//evil.example',
      '/a/..//evil.example',
      'https://evil.example',
      'javascript:alert(1)',
      'evil',
      '',
      '/日本',
      `/${'a'.repeat(3000)}`,
      undefined,
    ]) {
      assert.equal(localPath(text), undefined, JSON.stringify(text));
    }
  });

  it('never lets a browser leave, whatever is asked', () => {
    const piece = fc.constantFrom(
      '/',
      '\\',
      '.',
      '..',
      '\t',
      '\n',
      ' ',
      '@',
      ':',
      'evil.example',
      'https',
      '%2f',
      '?',
      '#',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const path = localPath(`/${pieces.join('')}`);
        return path === undefined || new URL(path, 'https://hub.example').origin === 'https://hub.example';
      }),
    );
  });
});

describe('cleanText', () => {
  it('takes out control characters and marks that turn the reading direction', () => {
    assert.equal(cleanText('Bank\u202Eelpmaxe\u2066 \u0000\r\n X', 50), 'Bankelpmaxe X');
  });

  it('cuts at code points, not in the middle of a character', () => {
    assert.equal(cleanText('𠮷𠮷𠮷𠮷', 3), '𠮷𠮷…');
  });
});

const relyingParty = { name: 'Library', returnUrl: 'https://library.example/cb' };
const signIn = {
  relyingParty,
  action: '/a',
  cancelAction: '/c',
  csrf: 't',
  nonce: 'n',
  agentUrl: 'http://127.0.0.1:4000',
  reloadPath: '/r',
  lifetimeSeconds: 300,
};

describe('a page model', () => {
  it('leaves out optional addresses that are not http(s), and logos that are not https', () => {
    const party = { ...relyingParty, privacyPolicyUrl: 'javascript:alert(1)', termsUrl: 'data:text/html,x' };
    for (const logoUrl of ['http://library.example/logo.png', 'data:image/png;base64,AA', 'javascript:alert(1)']) {
      const { model, imageOrigins } = buildPage('sign_in', { ...signIn, relyingParty: { ...party, logoUrl } }, 'ja');
      assert.equal(model.relyingParty.logoUrl, undefined);
      assert.equal(model.relyingParty.privacyPolicyUrl, undefined);
      assert.equal(model.relyingParty.termsUrl, undefined);
      assert.deepEqual(imageOrigins, []);
    }
    const { imageOrigins } = buildPage(
      'sign_in',
      { ...signIn, relyingParty: { ...party, logoUrl: 'https://cdn.example/logo.png' } },
      'ja',
    );
    assert.deepEqual(imageOrigins, ['https://cdn.example']);
  });

  it('throws when a form would be sent elsewhere', () => {
    for (const action of ['https://evil.example/', '//evil.example', 'javascript:alert(1)']) {
      assert.throws(() => buildPage('sign_in', { ...signIn, action }, 'ja'));
      assert.throws(() => buildPage('sign_in', { ...signIn, cancelAction: action }, 'ja'));
      assert.throws(() => buildPage('sign_in', { ...signIn, reloadPath: action }, 'ja'));
    }
    assert.throws(() => buildPage('sign_in', { ...signIn, agentUrl: 'javascript:alert(1)' }, 'ja'));
    assert.throws(() => buildPage('sign_out_confirm', { action: 'javascript:alert(1)', fields: {} }, 'ja'));
    assert.throws(() => buildPage('home', { issuer: 'x', discoveryUrl: 'javascript:alert(1)' }, 'ja'));
  });

  it('shows the host that the person will be sent to, in ASCII', () => {
    const place = (returnUrl: string) =>
      buildPage('sign_in', { ...signIn, relyingParty: { name: 'x', returnUrl } }, 'en').model.relyingParty.place;
    assert.equal(place('https://library.example:8443/cb'), 'Site: library.example:8443');
    assert.equal(place('https://аpple.example/cb'), 'Site: xn--pple-43d.example');
    assert.equal(place('com.example.app:/cb'), 'An app on your device');
  });

  it('names a nameless relying party by its host', () => {
    const { model } = buildPage('sign_in', { ...signIn, relyingParty: { ...relyingParty, name: ' \u202E ' } }, 'ja');
    assert.equal(model.relyingParty.name, 'library.example');
  });

  it('never ticks a claim that is required or not held, and ticks an optional one only when told', () => {
    const text = { ja: '氏名', en: 'Name' };
    const claim = { name: 'name', label: text, explanation: text, source: 'hub' as const, checked: true };
    const { model } = buildPage(
      'consent',
      {
        relyingParty,
        action: '/c',
        csrf: 't',
        duration: 'once',
        claims: [
          { ...claim, required: true },
          { ...claim, required: true, withheld: 'not_held' },
          { ...claim, required: false },
          { ...claim, required: false, checked: undefined },
        ],
      },
      'ja',
    );
    assert.deepEqual(
      model.claims.map(({ state, checked }) => [state, checked]),
      [
        ['required', false],
        ['unavailable', false],
        ['optional', true],
        ['optional', false],
      ],
    );
  });

  it('offers a way back only to an http(s) address', () => {
    const back = (backUrl: string) => buildPage('error', { code: 'x', relyingParty, backUrl }, 'ja').model.back;
    assert.equal(back('https://library.example/')?.url, 'https://library.example/');
    assert.equal(back('javascript:alert(1)'), undefined);
  });
});
