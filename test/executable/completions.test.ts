// Presses Tab in real shells, and compares the arguments that mq receives when the line is run.

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder, mq } from '../support/mq.ts';
import { pressTab, type ShellName } from '../support/shell.ts';

const rascalWith = (marker: string) => ({
  vhosts: {
    '/': { queues: { 'two words': {}, 'ns:orders': {}, "it's": {}, [`run$(touch ${marker})`]: {}, 'line\nbreak': {} } },
  },
  publications: { invoices: { queue: 'two words' } },
  subscriptions: { parcels: { queue: 'ns:orders' } },
  mq: { roles: { thumbnails: { reply: 'parcels', summary: 'make thumbnails' } } },
});
const rascal = rascalWith('/nowhere');

const completions = suite('mq completions');

for (const shell of ['bash', 'zsh', 'fish'] as const satisfies readonly ShellName[]) {
  completions(`${shell} completes commands, roles, options, values, names and files`, async () => {
    const marker = join(emptyFolder(), 'marker');
    const typed: [string, string[]][] = [
      ['mq recei⇥', ['receive-logs']],
      ['mq thumb⇥--prefe⇥5', ['thumbnails', '--prefetch', '5']],
      ['mq worker --on-fail dr⇥', ['worker', '--on-fail', 'drop']],
      ['mq worker --on-fail=req⇥', ['worker', '--on-fail=requeue']],
      ['mq publish inv⇥hello', ['publish', 'invoices', 'hello']],
      ['mq subscribe par⇥', ['subscribe', 'parcels']],
      ['mq dlq rep⇥two⇥', ['dlq', 'replay', 'two words']],
      ['mq dlq list ns:or⇥', ['dlq', 'list', 'ns:orders']],
      ['mq dlq list it⇥', ['dlq', 'list', "it's"]],
      ['mq dlq list run⇥', ['dlq', 'list', `run$(touch ${marker})`]],
      ['mq check rasc⇥', ['check', 'rascal.json']],
      ['mq help work⇥', ['help', 'worker']],
      ['mq help retr⇥', ['help', 'retries-and-dead-letters']],
    ];
    // The first line completes only the common prefix of receive-logs, receive-logs-direct and receive-logs-topic.
    const lines = typed.map(([line]) => line);
    assert.equal(
      (await pressTab(shell, lines, rascalWith(marker))).map((words) => words.filter((word) => word !== '')),
      typed.map(([, words]) => words),
    );
    assert.not(existsSync(marker));
  });

  completions(`${shell} does not evaluate the typed words`, async () => {
    const marker = join(emptyFolder(), 'marker');
    // zsh itself expands the word under the cursor, so these lines are not typed in zsh.
    const unquoted = shell === 'zsh' ? [] : [`mq $(touch ${marker})⇥`, `mq publish \`touch ${marker}\`⇥`];
    const typed = [
      `mq publish "$(touch ${marker})" work⇥`,
      `mq publish $(touch ${marker}) ⇥`,
      `mq '$(touch ${marker})⇥`,
    ];
    // Ctrl-U deletes the line, so it is not run.
    await pressTab(
      shell,
      [...typed, ...unquoted].map((line) => `${line}\u0015mq`),
      rascal,
    );
    assert.not(existsSync(marker));
  });
}

completions('completions do not wait for a pipe or connect to a broker', async () => {
  const cwd = emptyFolder();
  execFileSync('mkfifo', [join(cwd, 'rascal.json')]);
  let connections = 0;
  const broker = createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => broker.listen(0, '127.0.0.1', resolve));
  const at = `127.0.0.1:${(broker.address() as AddressInfo).port}`;
  const env = { MQ_URL: `amqp://${at}`, MQ_MANAGEMENT_URL: `http://${at}` };
  try {
    for (const typed of [['wor'], ['admin', 'show', 'queue', ''], ['dlq', 'list', '']]) {
      const { status, stderr } = await mq(['completions', 'words', '--', ...typed], { cwd, env });
      assert.equal([status, stderr], [0, '']);
    }
    assert.is(connections, 0);
  } finally {
    broker.close();
  }
});

completions.run();
