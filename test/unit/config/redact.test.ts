import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { keepSecret, redactor, secretsOf } from '../../../src/config/redact.ts';
import { configOf, fixture } from './fixture.ts';

const connection = { user: 'bob', password: 'p:@/"x ü' };

test('hides a password in every encoding', () => {
  const redact = redactor(secretsOf({ addresses: [connection] }));
  const { user, password } = connection;
  for (const form of [
    password,
    encodeURIComponent(password),
    encodeURIComponent(password).toLowerCase(),
    JSON.stringify(password).slice(1, -1),
    Buffer.from(password).toString('base64'),
    Buffer.from(`\0${user}\0${password}`).toString('base64'),
    Buffer.from(`${user}:${password}`).toString('base64'),
  ]) {
    assert.is(redact(`<${form}|${form}>`).replaceAll('=', ''), '<***|***>', form);
  }
  assert.is(redact('bob at host'), 'bob at host');
});

test('hides the longer of two overlapping secrets', () => {
  const redact = redactor(secretsOf({ addresses: [{ password: 'abcd' }, { password: 'abcdef' }] }));
  assert.is(redact('abcdef abcd'), '*** ***');
});

test('escapes the characters of regular expressions', () => {
  assert.is(redactor(['a.*+?^${}()|[]\\/-b'])('a.*+?^${}()|[]\\/-b axxb'), '*** axxb');
});

test('returns the text if there are no secrets', () => {
  assert.is(redactor([])('text'), 'text');
  assert.is(
    redactor(secretsOf({ addresses: [{}, { user: 'guest', password: 'guest' }, { password: '' }] }))('guest'),
    'guest',
  );
});

test('finds passwords and keys of connections, TLS and the management API', () => {
  const secrets = secretsOf({ config: configOf(fixture('good/orders.json'), { PASSWORD: 'one' }) });
  assert.ok(secrets.includes('one'));
  assert.ok(secrets.some((secret) => secret.startsWith('f81db52a')));
  const management = { url: 'http://admin:two%2F@h' };
  const socketOptions = { passphrase: 'three', key: 'four', ca: 'public' };
  const more = secretsOf({ addresses: [{ management, socketOptions }] });
  for (const secret of ['two/', 'two%2F', 'three', 'four']) assert.ok(more.includes(secret), secret);
  assert.not.ok(more.includes('public'));
});

test('hides a client secret also after hundreds of tokens', () => {
  const redact = redactor([]);
  for (let renewal = 0; renewal < 300; renewal += 1) {
    keepSecret('client-secret');
    keepSecret(`token-${renewal}`);
    assert.is(redact(`client-secret token-${renewal}`), '*** ***');
  }
});

test.run();
