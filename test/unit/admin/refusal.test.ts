import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { reasonOf, refusal } from '../../../src/admin/refusal.ts';

test('returns the reason of the broker as one line of text', () => {
  const letters = [...'missing )'].map((letter) => letter.codePointAt(0));
  for (const [body, reason] of [
    [
      { error: 'bad_request', reason: 'Validation failed\n\n[{&lt;&lt;"a"&gt;&gt;}]\n' },
      'Validation failed [{<<"a">>}]',
    ],
    [{ error: 'bad_request', reason: ['invalid_regexp', [40], [letters, 1]] }, 'invalid_regexp ( missing ) 1'],
    [{ error: 'not_found' }, 'not_found'],
    [{ error: 'bad_request', reason: null }, 'bad_request'],
    [{ reason: { a: 1 } }, '{"a":1}'],
    [undefined, ''],
    ['text', ''],
  ] as const)
    assert.is(reasonOf(body), reason);
});

test('explains a refused token without the permissions of a user', () => {
  const source = { kind: 'token', from: 'MQ_TOKEN', token: 't' } as const;
  const api = { origin: 'http://h', user: 'of MQ_TOKEN', credentials: { kind: 'token', user: '', source } } as const;
  const sent = { method: 'GET', path: '/whoami', api };
  const body = { error: 'not_authorised', reason: 'Not management user' };
  const hint = 'the token requires a scope for the request, such as RESOURCE.tag:administrator or';
  assert.match(refusal({ status: 401, body }, sent).hint ?? '', hint);
  const long = refusal({ status: 431, body: undefined }, sent).message;
  assert.is(long, 'the token of MQ_TOKEN is too long for the management API at http://h (HTTP 431)');
  const credentials = { kind: 'password', user: 'u', password: 'p' } as const;
  const ofUser = { ...sent, api: { ...api, user: 'u', credentials } };
  assert.is(refusal({ status: 401, body }, ofUser).hint, 'the user requires a tag, such as management');
});

test.run();
