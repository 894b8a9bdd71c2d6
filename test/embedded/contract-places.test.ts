// Tests that mq checks the messages to a queue or exchange with a schema, however a command line or a page names it.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder, mq } from '../support/mq.ts';
import { testRoles } from '../support/roles.ts';

const roles = await testRoles();
test.after.each(roles.killLeft);
test.after(() => roles.end());

const mismatch = /the message does not match order.json: \/total must be >= 0/;

/** Makes a folder whose queue has the name of the test, and declares its exchange and queue. */
async function declared(queue: string, mq: object): Promise<string> {
  const exchange = `${queue}-exchange`;
  const cwd = emptyFolder({
    'order.json': JSON.stringify({ required: ['total'], properties: { total: { minimum: 0 } } }),
    'rascal.json': JSON.stringify({
      vhosts: {
        '/': {
          exchanges: { [exchange]: { type: 'fanout' } },
          queues: { [queue]: {} },
          bindings: [`${exchange} -> ${queue}`],
        },
      },
      publications: { order: { queue }, event: { exchange, routingKey: 'new' } },
      subscriptions: { order: { queue } },
      mq,
    }),
  });
  const { status, stderr } = await roles.run(['declare'], { cwd });
  assert.is(status, 0, stderr);
  return cwd;
}

const schema = { schema: 'order.json' };
const ofPublications = { publications: { order: schema, event: schema } };

test('mq publish checks messages to the exchange or queue of a publication', async () => {
  const cwd = await declared('placed', ofPublications);
  for (const to of [
    ['--queue', 'placed'],
    ['--exchange', 'placed-exchange', '--routing-key', 'new'],
    ['--exchange', 'placed-exchange'],
  ]) {
    const { status, stderr } = await roles.run(['publish', ...to, '{"total":-1}'], { cwd });
    assert.is(status, 65, stderr);
    assert.match(stderr, mismatch);
    assert.is((await roles.run(['publish', ...to, '{"total":1}'], { cwd })).status, 0);
  }
  assert.is(await roles.held('placed'), 3);
});

test('mq web checks what its page publishes', async () => {
  const cwd = await declared('page', ofPublications);
  const web = roles.start(['web', '--port', '0', '--json'], { cwd });
  const [, line = ''] = /^(.*)\n/.exec(await web.prints(/\n/)) ?? [];
  const { url }: { url: string } = JSON.parse(line);
  const publish = async (message: object) => {
    const headers = { origin: url, 'content-type': 'application/json' };
    const answer = await fetch(`${url}/api/publish`, { method: 'POST', headers, body: JSON.stringify(message) });
    const { outcome, message: text = '' }: { outcome: string; message?: string } = Object(await answer.json());
    return { outcome, text };
  };
  const message = { exchange: '', routingKey: 'page', text: '{"total":-1}' };
  for (const place of [message, { ...message, exchange: 'page-exchange', routingKey: 'new' }]) {
    const { outcome, text } = await publish(place);
    assert.is(outcome, 'refused');
    assert.match(text, mismatch);
  }
  assert.is((await publish({ ...message, text: '{"total":1}' })).outcome, 'confirmed');
  await web.stop();
  assert.is(await roles.held('page'), 1);
});

test('mq subscribe --queue uses the schema of the subscription to it', async () => {
  const cwd = await declared('read', { subscriptions: { order: schema } });
  for (const body of ['{"total":-1}', '{"total":1}']) await roles.run(['publish', 'order', body], { cwd });
  const { stdout, stderr } = await roles.run(['subscribe', '--queue', 'read', '--count', '2'], { cwd });
  assert.is(stdout, '{"total":1}\n', stderr);
  assert.is((await roles.take('read.dead', 1))[0]!.payload, '{"total":-1}');
});

test('a requester sees why the server refuses its request', async () => {
  for (const onInvalid of ['dead-letter', 'drop']) {
    const queue = `asked-${onInvalid}`;
    const cwd = await declared(queue, { subscriptions: { order: { ...schema, onInvalid } } });
    const server = await roles.receiver(['reply', 'order', '--exec', 'cat'], { cwd });
    const ask = (body: string) => roles.run(['request', 'order', body], { cwd });
    const refused = await ask('{"total":-1}');
    assert.is(refused.status, 65);
    assert.match(refused.stderr, /the server refused the request: schema: \/total must be >= 0 \[BAD_DATA\]/);
    assert.is((await ask('{"total":1}')).stdout, '{"total":1}\n');
    await server.stop();
    assert.is(await roles.held(queue), 0);
    if (onInvalid === 'dead-letter') assert.is((await roles.take(`${queue}.dead`, 1))[0]!.payload, '{"total":-1}');
  }
});

test('the fixture replay checks the messages of a recording', async () => {
  const cwd = await declared('fixed', ofPublications);
  const plain = await declared('fixed', {});
  await roles.run(['publish', 'order', '{"total":-1}'], { cwd: plain });
  const recorded = await roles.run(['record', join(cwd, 'a.ndjson'), '--from', 'fixed', '--remove'], { cwd });
  assert.is(recorded.status, 0, recorded.stderr);
  const source = `
import { assert, expectMessage, replay, test } from 'mq/test';
test('refused', () => replay('a.ndjson'));
test('sent on purpose', async () => {
  await replay('a.ndjson', { schema: false });
  assert.is((await expectMessage({ queue: 'fixed' })).text, '{"total":-1}');
});
`;
  writeFileSync(join(cwd, 'a.test.ts'), source);
  const { status, stdout } = await mq(['test'], { cwd });
  assert.is(status, 1);
  assert.match(stdout, /"refused"\n {4}the message does not match order.json: \/total must be >= 0/);
  assert.match(stdout, /^1 passed, 1 failed/m);
});

test.run();
