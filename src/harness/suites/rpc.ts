// Tests requests and replies over direct reply-to.

import { assert, publish, request, role, test } from '../test-file/user.ts';

test('a server answers a request', async () => {
  await role('rpc-server');
  assert.is((await request('rpc', '30')).text, '832040');
});

test('each of many concurrent requests receives its own reply', async () => {
  await role('rpc-server');
  const numbers = Array.from({ length: 50 }, (_, index) => index);
  const replies = await Promise.all(numbers.map((number) => request('rpc', String(number), { within: 20_000 })));
  assert.equal(
    replies.map(({ text }) => Number(text)),
    numbers.map((number) => fibonacci(number)),
  );
});

test('the server refuses a request that it cannot answer', async () => {
  await role('rpc-server');
  assert.is(await codeOf(request('rpc', 'not a number')), 'BAD_DATA');
});

test('a request without a reply fails with DEADLINE', async () => {
  // The server declares the queue, which must exist for the request.
  const server = await role('rpc-server');
  await server.stop();
  assert.is(await codeOf(request('rpc', '1', { within: 300 })), 'DEADLINE');
});

test('the server survives a request without a reply address', async () => {
  const server = await role('rpc-server');
  await publish('rpc', '5');
  assert.is((await request('rpc', '10')).text, '55');
  assert.is((await server.stop()).status, 0);
});

async function codeOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: { code?: unknown }) => error.code,
  );
}

function fibonacci(number: number): number {
  let [here, next] = [0, 1];
  for (let step = 0; step < number; step++) [here, next] = [next, here + next];
  return here;
}
