// The test throws an error of mq. The report shows its code, its hint and its cause.
import { test } from 'uvu';
import { MqError } from '../../src/errors.ts';

test('meets no broker', () => {
  throw new MqError('UNAVAILABLE', 'no broker answers', { hint: 'start one', cause: new TypeError('refused') });
});
test.run();
