// Tests the text of mq route, the forms of its arguments, and its completions.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { completions } from '../../../../src/cli/cli.ts';
import { runCli } from '../../../support/cli.ts';
import { emptyFolder } from '../../../support/mq.ts';

const deadLetter = (exchange: string, key: string) => ({
  'x-dead-letter-exchange': exchange,
  'x-dead-letter-routing-key': key,
});
const shop = {
  vhosts: {
    shop: {
      namespace: 'eu',
      exchanges: {
        orders: { type: 'topic', options: { alternateExchange: 'eu:spill' } },
        spill: { type: 'fanout' },
        matched: { type: 'headers' },
        spread: { type: 'x-consistent-hash' },
        dlx: { type: 'direct', options: { internal: true } },
      },
      queues: {
        bill: { options: { arguments: { 'x-queue-type': 'quorum', ...deadLetter('dlx', 'wait') } } },
        wait: { options: { messageTtl: 5000, arguments: deadLetter('orders', 'order.again') } },
        rest: { options: { maxLength: 10 } },
        feed: { replyTo: true, options: { exclusive: true } },
      },
      bindings: {
        'orders[order.*] -> bill': {},
        'orders[up.#] -> spill': { destinationType: 'exchange' },
        'orders[order.#] -> feed': {},
        'spill -> rest': {},
        'dlx[wait] -> wait': {},
        'spread[1] -> bill': {},
        'spread[2] -> rest': {},
        header: { source: 'matched', destination: 'rest', options: { 'x-match': 'any', n: 1 } },
      },
    },
    other: { exchanges: ['spill'], queues: ['x'] },
  },
  publications: {
    orders: { vhost: 'shop', exchange: 'orders', routingKey: 'order.new' },
    bill: { vhost: 'shop', queue: 'bill' },
    copied: { vhost: 'shop', exchange: 'orders', routingKey: 'up.1', options: { CC: ['order.copy'] } },
  },
};
const cwd = emptyFolder({ 'rascal.json': JSON.stringify(shop) });
const route = (...args: readonly string[]) => runCli(['route', ...args], { cwd });
/** Returns the names of the queues of the JSON document. */
const queuesOf = async (...args: readonly string[]): Promise<string[]> => {
  const { queues } = JSON.parse((await route(...args, '--json')).stdout) as { queues: { name: string }[] };
  return queues.map(({ name }) => name);
};

test('draws bindings, exclusive queues, dead letters and circles', async () => {
  const { status, stdout } = await route('orders');
  assert.is(status, 0);
  assert.fixture(
    stdout,
    `exchange eu:orders (topic), key order.new: rascal.json, vhost shop
  order.* -> queue eu:bill
    when rejected or after more than 20 returns: dead-lettered to exchange eu:dlx (direct), key wait
      wait -> queue eu:wait
        after 5 s or when rejected: dead-lettered to exchange eu:orders (topic), key order.again
          order.* -> queue eu:bill
          order.# -> queue eu:feed:* (exclusive)
  order.# -> queue eu:feed:* (exclusive)

reaches eu:bill, eu:feed:*; by dead-lettering eu:wait
`,
  );
});

test('draws alternate exchanges, and choices, within the width of a terminal', async () => {
  const { stdout } = await route('orders', 'unknown');
  assert.match(stdout, '  no binding matches: alternate exchange eu:spill (fanout)\n    any key -> queue eu:rest\n');
  assert.match(stdout, '      when the queue is full: dropped, because the queue has no dead-letter exchange\n');
  assert.match((await route('spread', 'x')).stdout, '  one of\n    1 -> queue eu:bill\n');
  assert.match(
    (await route('spread', 'x')).stdout,
    'may reach eu:bill, eu:rest; by dead-lettering eu:wait, eu:feed:*\n',
  );
  const narrow = await runCli(['route', 'orders'], { cwd, terminal: 40 });
  assert.equal(
    narrow.stdout.split('\n').filter((line) => line.length > 40),
    [],
  );
});

test('escapes names of exchanges, queues and keys', async () => {
  const name = 'a\u001b[31m\tb';
  const rascal = { vhosts: { '/': { exchanges: { e: { type: 'topic' } }, queues: { [name]: {} }, bindings: {} } } };
  const binding = { source: 'e', destination: name, bindingKey: name };
  Object.assign(rascal.vhosts['/'].bindings, { binding });
  const folder = emptyFolder({ 'rascal.json': JSON.stringify(rascal) });
  const { stdout } = await runCli(['route', 'e', name], { cwd: folder });
  assert.match(stdout, '  a\\x1b[31m\\x09b -> queue a\\x1b[31m\\x09b\n');
});

test('accepts a publication, an exchange by either name, and headers', async () => {
  assert.equal(await queuesOf('bill'), ['eu:bill']);
  assert.equal(await queuesOf('copied'), ['eu:bill', 'eu:feed:*', 'eu:rest']);
  assert.equal(await queuesOf('eu:orders', 'order.x'), ['eu:bill', 'eu:feed:*']);
  assert.equal(await queuesOf('spill', '', '--vhost', 'shop'), ['eu:rest']);
  assert.equal(await queuesOf('', 'x', '--vhost', 'other'), ['x']);
  assert.equal(await queuesOf('matched', '', '--header', 'n:=1'), ['eu:rest']);
  assert.equal(await queuesOf('matched', '', '--header', 'n=1'), []);
  assert.equal(await queuesOf('orders', 'up.1', '--header', 'CC:=["order.1"]'), ['eu:bill', 'eu:feed:*', 'eu:rest']);
});

test('applies the policies of rascal.json by their patterns', async () => {
  const rascal = {
    vhosts: {
      '/': { exchanges: { e: { type: 'direct' }, f: { type: 'fanout' } }, queues: ['q'], bindings: ['f -> q'] },
    },
    mq: {
      policies: { '/': { spill: { pattern: '^e$', definition: { 'alternate-exchange': 'f' } } } },
      operatorPolicies: { '/': { ttl: { pattern: '^q$', definition: { 'message-ttl': 4000 } } } },
    },
  };
  const { stdout } = await runCli(['route', 'e', 'k'], { cwd: emptyFolder({ 'rascal.json': JSON.stringify(rascal) }) });
  assert.match(
    stdout,
    '  no binding matches: alternate exchange f (fanout)\n    any key -> queue q\n      after 4 s: dropped',
  );
});

test('completes publications and exchanges', async () => {
  const answer = (...words: readonly string[]) => completions(['--', 'route', ...words], { cwd, env: {} });
  assert.is(await answer('sp'), 'words\nspill\nspread\n');
  assert.is(await answer('cop'), 'words\ncopied\n');
  assert.is(await answer('orders', ''), 'words\n');
});

test.run();
