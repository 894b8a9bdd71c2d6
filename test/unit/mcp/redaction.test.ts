// Checks that fields are removed from bodies in every form, and logins from addresses.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { fieldRedactor, withoutLogins } from '../../../src/mcp/redaction.ts';

const redact = fieldRedactor(['password', 'cardNumber']);
const withheld = '*** (not shown: it contains the name of a field of --redact)';
const notText = '*** (not shown: it is not text, and fields are redacted)';

test('removes a field at any depth, in any case, and in headers', () => {
  const record = {
    body: '{"user":{"Password":"a","list":[{"cardnumber":{"x":1}}]},"kept":1}',
    headers: { PASSWORD: 'b', kept: [{ password: 1 }] },
  };
  assert.equal(redact(record), {
    body: '{"user":{"Password":"***","list":[{"cardnumber":"***"}]},"kept":1}',
    headers: { PASSWORD: '***', kept: [{ password: '***' }] },
  });
});

test('removes a field of JSON in a string of JSON', () => {
  const inner = JSON.stringify({ password: 'a' });
  const outer = JSON.stringify({ payload: JSON.stringify(inner) });
  assert.not.match(String(redact(outer)), /"a/);
  assert.match(String(redact(outer)), /\*\*\*/);
});

test('leaves a body without such a field as it is', () => {
  for (const body of [
    '{ "a": 1.0 }',
    '[]',
    '"x"',
    'pass word',
    '100%',
    '%7B%22a%22%3A1%7D',
    '',
    '{"broken":',
    '12345678901234567890',
  ])
    assert.is(redact(body), body);
});

test('does not show a text that contains the name of a field', () => {
  const bodies = [
    ...['password=a', '{"password":"a",}', '<password>a</password>', 'cardNumber : 4', "{'password':1}"],
    ...['user,password\nbob,X', '--password X', 'PASSWORD\nX', '{"\\u0070assword":"X",}'],
    ...['%7B%22pass%77ord%22%3A%22X%22%7D', 'pass%252577ord=X', '"login with password X ok"'],
  ];
  for (const body of bodies) assert.equal(redact({ body }), { body: withheld }, body);
  assert.equal(redact({ body: 'AAAA', encoding: 'base64' }), { body: notText, encoding: 'base64' });
});

test('does not show a list or an object with the name as a value', () => {
  for (const value of [
    { name: 'Password', value: 'X' },
    ['password', 'X'],
    { log: 'login with password X ok' },
    'password X',
  ]) {
    const headers = typeof value === 'string' ? withheld : { a: withheld };
    assert.equal(redact({ body: JSON.stringify(value), headers: { a: value } }), { body: withheld, headers });
  }
  assert.is(redact('[1,["password","X"]]'), JSON.stringify([1, withheld]));
  assert.is(
    redact('{"DB_PASSWORD":"X","user[password]":"X","a":1}'),
    '{"DB_PASSWORD":"***","user[password]":"***","a":1}',
  );
});

test('keeps the digits of other numbers', () => {
  const body = '{"id":12345678901234567890,"price":1.50,"e":1e400,"password":1}';
  assert.is(redact(body), body.replace('"password":1', '"password":"***"'));
});

test('does not show JSON that is nested too deeply', () => {
  const deep = `${'['.repeat(200_000)}{"\\u0070assword":"a"}${']'.repeat(200_000)}`;
  assert.is(redact({ body: deep }), withheld);
});

test('leaves everything as it is without fields', () => {
  const record = { body: 'AAAA', encoding: 'base64', headers: { password: 'a' } };
  assert.is(fieldRedactor([])(record), record);
});

test('removes user and password from addresses', () => {
  assert.is(withoutLogins('at amqp://u:p@h:5672/v and https://h/x'), 'at amqp://***@h:5672/v and https://h/x');
  assert.is(withoutLogins('amqps://:p@h amqp://u:p/p:p@h'), 'amqps://***@h amqp://***@h');
});

test.run();
