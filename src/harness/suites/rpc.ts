// Tests requests and replies over direct reply-to.

import { assert, publish, request, role, test } from '../test-file/user.ts';

test('a request is answered', async () => {
  await role('rpc-server');
  assert.is((await request('rpc', '30')).text, '832040');
});

test('many requests at once get each their own answer', async () => {
  await role('rpc-server');
  const numbers = Array.from({ length: 50 }, (_, index) => index);
  const replies = await Promise.all(numbers.map((number) => request('rpc', String(number), { within: 20_000 })));
  assert.equal(
    replies.map(({ text }) => Number(text)),
    numbers.map((number) => fibonacci(number)),
  );
});

test('a request that the server cannot answer is refused', async () => {
  await role('rpc-server');
  const failure = await request('rpc', 'not a number').catch((error: { code?: unknown }) => error);
  assert.is((failure as { code?: unknown }).code, 'BAD_DATA');
});

test('a request that nobody answers ends in time', async () => {
  // The queue must exist.
  const server = await role('rpc-server');
  await server.stop();
  const failure = await request('rpc', '1', { within: 300 }).catch((error: { code?: unknown }) => error);
  assert.is((failure as { code?: unknown }).code, 'DEADLINE');
});

test('a reply to nobody is no failure of the server', async () => {
  const server = await role('rpc-server');
  await publish('rpc', '5');
  assert.is((await request('rpc', '10')).text, '55');
  assert.is((await server.stop()).status, 0);
});

function fibonacci(number: number): number {
  let [here, next] = [0, 1];
  for (let step = 0; step < number; step++) [here, next] = [next, here + next];
  return here;
}
