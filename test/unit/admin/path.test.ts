import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { apiPath, query } from '../../../src/admin/path.ts';
import type { MqError } from '../../../src/errors.ts';

test('encodes each name as one segment of a path', () => {
  assert.is(apiPath`/queues/${'/'}/${'a/b?c#d%e ü'}`, '/queues/%2F/a%2Fb%3Fc%23d%25e%20%C3%BC');
  assert.is(apiPath`/queues/${'\ud800'}`, '/queues/%EF%BF%BD');
  for (const name of ['.', '..'])
    assert.throws(
      () => apiPath`/queues/${name}`,
      ({ code }: MqError) => code === 'BAD_DATA',
    );
  assert.is(query({ a: 1, b: undefined, c: true }), '?a=1&c=true');
  assert.is(query({ b: undefined }), '');
});

test.run();
