import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { redactor, secretsOf } from '../../../src/config/redact.ts';
import { configOf, fixture } from './fixture.ts';

const connection = { user: 'bob', password: 'p:@/"x ü' };

test('a password is hidden in each form in which it can show', () => {
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

test('one secret inside another does not leave the rest of it', () => {
  const redact = redactor(secretsOf({ addresses: [{ password: 'abcd' }, { password: 'abcdef' }] }));
  assert.is(redact('abcdef abcd'), '*** ***');
});

test('characters of regular expressions are nothing special', () => {
  assert.is(redactor(['a.*+?^${}()|[]\\/-b'])('a.*+?^${}()|[]\\/-b axxb'), '*** axxb');
});

test('without secrets the text stays', () => {
  assert.is(redactor([])('text'), 'text');
  assert.is(
    redactor(secretsOf({ addresses: [{}, { user: 'guest', password: 'guest' }, { password: '' }] }))('guest'),
    'guest',
  );
});

test('passwords, keys of encryption and of TLS, and passwords of the management API of a file are secrets', () => {
  const secrets = secretsOf({ config: configOf(fixture('good/orders.json'), { PASSWORD: 'one' }) });
  assert.ok(secrets.includes('one'));
  assert.ok(secrets.some((secret) => secret.startsWith('f81db52a')));
  const management = { url: 'http://admin:two%2F@h' };
  const socketOptions = { passphrase: 'three', key: 'four', ca: 'public' };
  const more = secretsOf({ addresses: [{ management, socketOptions }] });
  for (const secret of ['two/', 'two%2F', 'three', 'four']) assert.ok(more.includes(secret), secret);
  assert.not.ok(more.includes('public'));
});

test.run();
