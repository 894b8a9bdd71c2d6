// Runs the roles in the templates of mq init as the printed next steps describe.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder, mq, startMq } from '../support/mq.ts';

test('the roles of every template work on mq broker', async () => {
  const broker = startMq(['broker', '--port', '0', '--json']);
  const { url } = JSON.parse(await broker.prints(/\n/)) as { url: string };
  const env = { MQ_URL: url };
  const conversations = [
    ['worker', ['do-jobs', '--count', '1'], ['add-job', 'photo-1.jpg'], 'photo-1.jpg\n'],
    ['topic', ['billing', '--count', '1'], ['tell-order', 'order.refunded', 'seven'], 'seven\n'],
    ['logs', ['listen', '--count', '1'], ['tell', 'started'], 'started\n'],
  ] as const;
  for (const [name, receiver, sender, expected] of conversations) {
    const cwd = emptyFolder();
    await mq(['init', name], { cwd });
    const receives = startMq(receiver, { cwd, env });
    await sent(sender, { cwd, env });
    assert.is((await receives.ended).stdout, expected);
  }
  const cwd = emptyFolder();
  await mq(['init', 'rpc'], { cwd });
  const server = startMq(['answer'], { cwd, env });
  assert.is(await sent(['ask', 'how much?'], { cwd, env }), 'how much?\n');
  await server.stop();
  await broker.stop();
});

test.run();

/** Sends again as long as the exit status is 67, because the receiver has not declared the queue yet. */
async function sent(args: readonly string[], options: { cwd: string; env: Record<string, string> }): Promise<string> {
  let ended = await mq(args, options);
  while (ended.status === 67) ended = await mq(args, options);
  assert.is(ended.status, 0, ended.stderr);
  return ended.stdout;
}
