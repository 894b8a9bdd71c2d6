// Tab in real shells: what is typed, and the words that mq gets when the line is run.

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder, mq } from '../support/mq.ts';
import { pressTab, type ShellName } from '../support/shell.ts';

const rascalWith = (evil: string) => ({
  vhosts: {
    '/': { queues: { 'two words': {}, 'ns:orders': {}, "it's": {}, [`run$(touch ${evil})`]: {}, 'line\nbreak': {} } },
  },
  publications: { invoices: { queue: 'two words' } },
  subscriptions: { parcels: { queue: 'ns:orders' } },
  mq: { roles: { thumbnails: { reply: 'parcels', summary: 'make thumbnails' } } },
});
const rascal = rascalWith('/nowhere');

const completions = suite('mq completions');

for (const shell of ['bash', 'zsh', 'fish'] as const satisfies readonly ShellName[]) {
  completions(`${shell}: commands, roles, options, values, names and files`, async () => {
    const evil = join(emptyFolder(), 'evil');
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
      ['mq dlq list run⇥', ['dlq', 'list', `run$(touch ${evil})`]],
      ['mq check rasc⇥', ['check', 'rascal.json']],
      ['mq help work⇥', ['help', 'worker']],
      ['mq help retr⇥', ['help', 'retries-and-dead-letters']],
    ];
    // The first shows a list (or the common start) and changes nothing.
    const lines = typed.map(([line]) => line);
    assert.equal(
      (await pressTab(shell, lines, rascalWith(evil))).map((words) => words.filter((word) => word !== '')),
      typed.map(([, words]) => words),
    );
    assert.not(existsSync(evil));
  });

  completions(`${shell}: nothing that is typed is evaluated`, async () => {
    const evil = join(emptyFolder(), 'evil');
    // zsh itself expands the word that the cursor is in.
    const own = shell === 'zsh' ? [] : [`mq $(touch ${evil})⇥`, `mq publish \`touch ${evil}\`⇥`];
    const typed = [`mq publish "$(touch ${evil})" work⇥`, `mq publish $(touch ${evil}) ⇥`, `mq '$(touch ${evil})⇥`];
    // The line is deleted instead of run.
    await pressTab(
      shell,
      [...typed, ...own].map((line) => `${line}\u0015mq`),
      rascal,
    );
    assert.not(existsSync(evil));
  });
}

completions('what is wrong in rascal.json, or missing, leaves the built-in names', async () => {
  for (const files of [{}, { 'rascal.json': '{ "vhosts": ' }, { 'rascal.json': '[1]' }]) {
    const { status, stdout } = await mq(['completions', 'words', '--', 'publish', 'ta'], { cwd: emptyFolder(files) });
    assert.equal([status, stdout], [0, 'words\ntask\n']);
  }
});

completions('a file that is named on the line has its names there', async () => {
  const cwd = emptyFolder({ 'other.json': JSON.stringify(rascal) });
  for (const typed of [
    ['--config', 'other.json', 'thu'],
    ['publish', '--config=other.json', 'inv'],
  ]) {
    const { stdout } = await mq(['completions', 'words', '--', ...typed], { cwd });
    assert.match(stdout, /^words\n(thumbnails\tmake thumbnails|invoices)\n$/);
  }
});

completions('a configuration that is a pipe is not waited for, and no broker is asked', async () => {
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

completions('a name with a control character is left out; words may come by the environment', async () => {
  const cwd = emptyFolder({ 'rascal.json': JSON.stringify(rascal) });
  const { stdout } = await mq(['completions', 'words'], { cwd, env: { MQ_COMPLETION_WORDS: 'dlq\nlist\nline' } });
  assert.is(stdout, 'words\n');
});

completions('a shell that is none is told so', async () => {
  const { status, stderr } = await mq(['completions', 'tcsh']);
  assert.equal(
    [status, stderr],
    [
      64,
      "mq completions: there is no 'mq completions tcsh' [USAGE]\nhint: did you mean 'mq completions bash'? mq completions has bash, zsh, fish, powershell\n",
    ],
  );
});

completions.run();
