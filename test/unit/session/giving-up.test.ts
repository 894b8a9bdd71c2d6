import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MqError } from '../../../src/errors.ts';
import { GivingUp, type ReconnectLimit } from '../../../src/session/giving-up.ts';

const lost = new MqError('UNAVAILABLE', 'it was lost');
const refused = new MqError('UNAVAILABLE', 'no broker answers');

function counted(limit: ReconnectLimit | undefined): { givingUp: GivingUp; said: string[] } {
  const said: string[] = [];
  return { said, givingUp: new GivingUp(limit, ({ code, message }) => said.push(`${message} [${code}]`)) };
}

test('without a limit there is no end', () => {
  const { givingUp, said } = counted(undefined);
  for (let time = 0; time < 1000; time += 1) givingUp.failed(lost, { isFirst: time === 0 });
  assert.equal(said, []);
});

test('no tries: the first lost connection is the end', () => {
  const { givingUp, said } = counted({ tries: 0 });
  givingUp.failed(lost, { isFirst: true });
  assert.equal(said, ['it was lost [UNAVAILABLE]']);
});

test('tries are counted anew after each connection', () => {
  const { givingUp, said } = counted({ tries: 2 });
  givingUp.failed(lost, { isFirst: true });
  givingUp.failed(refused, { isFirst: false });
  givingUp.stop();
  givingUp.failed(lost, { isFirst: true });
  givingUp.failed(refused, { isFirst: false });
  assert.equal(said, []);
  givingUp.failed(refused, { isFirst: false });
  assert.equal(said, ['no connection after 2 tries: no broker answers [UNAVAILABLE]']);
});

test('seconds run from the lost connection, and a new one stops them', async () => {
  const reached = Promise.withResolvers<string>();
  const givingUp = new GivingUp({ milliseconds: 100 }, ({ message }) => reached.resolve(message));
  const begun = performance.now();
  givingUp.failed(lost, { isFirst: true });
  givingUp.failed(refused, { isFirst: false });
  assert.is(await reached.promise, 'no connection after 0.1 s: no broker answers');
  assert.ok(performance.now() - begun > 95);
  const { givingUp: stopped, said } = counted({ milliseconds: 20 });
  stopped.failed(lost, { isFirst: true });
  stopped.stop();
  const later = Promise.withResolvers<void>();
  new GivingUp({ milliseconds: 60 }, () => later.resolve()).failed(lost, { isFirst: true });
  await later.promise;
  assert.equal(said, []);
});

test.run();
