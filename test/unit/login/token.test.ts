// Tests which texts of a source are tokens, and when they expire.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MqError } from '../../../src/errors.ts';
import { issuedToken } from '../../../src/login/token.ts';

const now = 1_000_000;
const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const jwt = (claims: object) => `${part({ alg: 'none' })}.${part(claims)}.c2ln`;
const inAnHour = '1970-01-01T01:16:40.000Z';

for (const [title, text, expiresIn] of [
  ['the token alone', 's3cret-token', undefined],
  ['a token between white space', '\n  s3cret-token\r\n', undefined],
  ['a JWT with exp', jwt({ exp: 1300 }), 300_000],
  ['a JWT without exp', jwt({ sub: 'x' }), undefined],
  ['a text that only looks like a JWT', 'a.b.c', undefined],
  ['an OAuth 2 answer', '{"access_token":"abc","token_type":"Bearer","expires_in":300}', 300_000],
  ['an OAuth 2 answer with a text as its time', '{"access_token":"abc","expires_in":"300"}', 300_000],
  ['an OAuth 2 answer without its time', `{"access_token":"${jwt({ exp: 1060 })}"}`, 60_000],
  ['an answer of az', '{"accessToken":"abc","expiresOn":"2026-12-01 09:00:00","expires_on":1060}', 60_000],
  ['a token with its expiry', `{"token":"abc","expiry":"${inAnHour}"}`, 3_600_000],
  [
    'a credential of kubectl',
    `{"kind":"ExecCredential","status":{"token":"abc","expirationTimestamp":"${inAnHour}"}}`,
    3_600_000,
  ],
  ['a credential of kubectl without its expiry', '{"status":{"token":"abc"}}', undefined],
] as const)
  test(`accepts ${title}`, () => {
    const { text: token, expiresAt } = issuedToken(text, 'MQ_TOKEN', now);
    assert.ok(token.length > 2 && !/\s/.test(token), token);
    assert.is(expiresAt, expiresIn === undefined ? undefined : now + expiresIn);
  });

test('expires_in has precedence over exp', () => {
  const text = JSON.stringify({ access_token: jwt({ exp: 5000 }), expires_in: 10 });
  assert.is(issuedToken(text, 'x', now).expiresAt, now + 10_000);
});

for (const [title, text, message] of [
  ['nothing', ' \n', 'MQ_TOKEN: there is no token'],
  ['two lines', 's3cret\ns3cret', /one line of printable ASCII/],
  ['a word that is not ASCII', 's3crét', /one line of printable ASCII/],
  ['an empty token', '{"access_token":"","expires_in":3}', /one line of printable ASCII/],
  ['an object without a token', '{"password":"s3cret"}', /has no access_token, accessToken or token/],
  ['broken JSON', '{"access_token":"s3cret"', 'MQ_TOKEN: the JSON is invalid'],
  ['an expiry that is not a time', '{"token":"s3cret","expiry":"soon"}', 'MQ_TOKEN: expiry is not a time'],
  ['an expires_in that is not a number', '{"access_token":"s3cret","expires_in":null}', /expires_in is not a time/],
] as const)
  test(`refuses ${title}, and prints nothing of it`, () => {
    try {
      issuedToken(text, 'MQ_TOKEN', now);
      assert.unreachable(title);
    } catch (error) {
      if (!(error instanceof MqError)) throw error;
      assert.is(error.code, 'BAD_DATA');
      if (typeof message === 'string') assert.is(error.message, message);
      else assert.match(error.message, message);
      assert.not.match(`${error.message} ${error.hint}`, /s3cr/);
    }
  });

test.run();
