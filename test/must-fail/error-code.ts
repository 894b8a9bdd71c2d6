// An error of mq's own: its code, its hint and its cause are shown.
import { test } from 'uvu';
import { MqError } from '../../src/errors.ts';

test('meets no broker', () => {
  throw new MqError('UNAVAILABLE', 'no broker answers', { hint: 'start one', cause: new TypeError('refused') });
});
test.run();
