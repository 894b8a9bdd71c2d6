// The folder of a user with only three files: mq, a rascal.json with its own roles, and a handler.

import { constants, copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder, executable } from '../support/mq.ts';
import { lines, testRoles } from '../support/roles.ts';

const config = {
  vhosts: { '/': { queues: { orders: { options: { durable: true } }, prices: { options: { durable: true } } } } },
  publications: { orders: { queue: 'orders' }, prices: { queue: 'prices' } },
  subscriptions: { orders: { queue: 'orders' }, prices: { queue: 'prices' } },
  mq: {
    roles: {
      order: { behaviour: 'publish', publication: 'orders', summary: 'send an order' },
      cashier: {
        behaviour: 'consume',
        subscription: 'orders',
        handler: { module: 'handler.ts' },
        summary: 'take orders',
      },
      pricer: {
        behaviour: 'reply',
        subscription: 'prices',
        handler: { module: './handler.ts' },
        summary: 'answer requests for a price',
      },
      price: { behaviour: 'request', publication: 'prices', summary: 'ask for a price' },
    },
  },
};

const handler = `
import { basename } from 'node:path';
interface Message { text: string; fields: { queue: string } }
export default async ({ text, fields }: Message, context: { log(text: string): void }) => {
  context.log(basename(import.meta.filename) + ' has ' + text + ' from ' + fields.queue);
  return { price: text.length as number };
};`;

const roles = await testRoles();
const folder = emptyFolder({ 'rascal.json': JSON.stringify(config, undefined, 2), 'handler.ts': handler });
const copy = join(folder, 'mq');
copyFileSync(executable, copy, constants.COPYFILE_FICLONE);
const here = { cwd: folder, executable: copy };

test.after.each(roles.killLeft);
test.after(async () => {
  rmSync(folder, { recursive: true });
  await roles.end();
});

test('the roles of rascal.json are commands with help', async () => {
  const { stdout } = await roles.run(['--help'], here);
  const [, own = ''] = stdout.split('\nRoles of your rascal.json\n');
  assert.equal(own.split('\n\n')[0]?.split('\n'), [
    '  order                send an order',
    '  cashier              take orders',
    '  pricer               answer requests for a price',
    '  price                ask for a price',
  ]);
  assert.match(stdout, /^ {2}rpc-server /m);
  const help = await roles.run(['cashier', '--help'], here);
  assert.is(help.status, 0);
  assert.match(help.stdout, /^mq cashier: take orders\n\nUsage: mq cashier \[options\]\n/);
});

test('a consuming role runs the module for each message', async () => {
  const cashier = await roles.receiver(['cashier', '--count', '2'], here);
  await roles.run(['order', 'tea'], here);
  await roles.run(['order', 'coffee'], here);
  const { status, stdout, stderr } = await cashier.ended;
  assert.equal({ status, stdout }, { status: 0, stdout: 'tea\ncoffee\n' });
  // The role handles ten messages at once, so each line begins with the id of its message.
  const said = lines(stderr).flatMap((line) => /^\S+: (handler\.ts .*)$/.exec(line)?.[1] ?? []);
  assert.equal(said, ['handler.ts has tea from orders', 'handler.ts has coffee from orders']);
});

test('a replying role sends the result of the module', async () => {
  const pricer = await roles.receiver(['pricer'], here);
  const { status, stdout } = await roles.run(['price', 'coffee'], here);
  assert.equal({ status, stdout }, { status: 0, stdout: '{"price":6}\n' });
  const { properties } = JSON.parse((await roles.run(['price', '--json', 'tea'], here)).stdout);
  assert.is(properties.contentType, 'application/json');
  assert.is((await pricer.stop()).status, 0);
});

test('the handler is found next to rascal.json from any folder', async () => {
  const pricer = await roles.receiver(['pricer', '--config', join(folder, 'rascal.json')]);
  const there = { env: { MQ_CONFIG: join(folder, 'rascal.json') } };
  assert.is((await roles.run(['price', 'espresso'], there)).stdout, '{"price":8}\n');
  await pricer.stop();
});

test.run();
