import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { reasonOf } from '../../../src/admin/refusal.ts';

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

test.run();
