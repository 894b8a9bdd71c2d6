import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { objectIn, objectsIn } from '../../../src/admin/json.ts';

test('accepts the empty list that RabbitMQ sends for an object without fields', () => {
  assert.equal(objectsIn([[], { name: 'q' }]), [{}, { name: 'q' }]);
  assert.equal(objectIn([]), {});
});

test('refuses an answer of another shape', () => {
  for (const body of [undefined, null, 'text', {}, ['text'], [['text']]]) {
    assert.throws(
      () => objectsIn(body),
      ({ code }: { code?: string }) => code === 'PROTOCOL',
    );
  }
  assert.throws(
    () => objectIn(['text']),
    ({ code }: { code?: string }) => code === 'PROTOCOL',
  );
});

test.run();
