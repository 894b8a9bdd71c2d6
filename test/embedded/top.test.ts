// Checks the output of mq top on the embedded broker, in a pipe and on terminals, and that it restores the screen.

import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type CliOptions, type CliRun, runCli } from '../support/cli.ts';
import { type Served, withManagement } from '../support/management.ts';
import { emptyFolder } from '../support/mq.ts';

const content = {
  vhosts: { '/': { queues: { jobs: { options: { arguments: { 'x-queue-type': 'quorum' } } }, audit: {} } } },
  subscriptions: { work: { queue: 'jobs' } },
};
const [other, own, home] = ['\u001b[?1049h', '\u001b[?1049l', '\u001b[H\u001b[J'];

test('prints one table for a pipe and for two widths of terminal', () =>
  withQueues(async (run) => {
    const once = ['--once', '--interval', '1ms'];
    const { status, stdout, stderr } = await run(once);
    assert.equal([status, stderr], [0, '']);
    assert.is(
      withoutMemory(stdout),
      [
        'vhost\tname\ttype\tready\tunacked\tretry\tdead\tconsumers\tin/s\tout/s\tmemory',
        '/\tjobs\tquorum\t3\t0\t2\t1\t0\t0\t0\t…',
        '/\taudit\tclassic\t0\t0\t\t\t0\t0\t0\t…',
        '',
      ].join('\n'),
    );
    const narrow = await run(once, { terminal: 80 });
    assert.is(
      withoutMemory(narrow.stdout),
      [
        'name   ready  unack  retry  dead  cons  in/s  out/s   memory',
        'jobs       3      0      2     1     0     0      0  …',
        'audit      0      0                  0     0      0  …',
        '',
      ].join('\n'),
    );
    const wide = await run([...once, '--sort', 'name'], { terminal: 120 });
    assert.is(
      withoutMemory(wide.stdout),
      [
        'name   type     ready  unacked  retry  dead  consumers  in/s  out/s   memory',
        'audit  classic      0        0                       0     0      0  …',
        'jobs   quorum       3        0      2     1          0     0      0  …',
        '',
      ].join('\n'),
    );
  }));

test('a vhost that does not exist is status 78', () =>
  withQueues(async (run) => {
    const { status, stderr } = await run(['--once', '--interval', '1ms', '--vhost', 'nope']);
    assert.is(status, 78);
    assert.match(stderr, /^mq top: there is no vhost 'nope' at .* \[TOPOLOGY\]\n/);
  }));

test('--json prints an object for each sample, with rates from the second one', () =>
  withQueues(async (run, { place }) => {
    const stop = new AbortController();
    const channel = await place.channel();
    const { status, stdout } = await run(['--json', '--interval', '1ms'], {
      drain: stop.signal,
      onOutput: (text) => {
        const samples = text.split('\n').length - 1;
        if (samples === 1) channel.sendToQueue('audit', Buffer.from('a'));
        // The message arrives between two samples.
        if (/"in":[1-9]/.test(text)) stop.abort('SIGINT');
      },
    });
    assert.is(status, 0);
    const [first, ...others] = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.equal(Object.keys(first), ['time', 'queues']);
    const { memory, ...jobs } = first.queues[0];
    assert.type(memory, 'number');
    assert.equal(jobs, {
      ...{ vhost: '/', name: 'jobs', type: 'quorum', subscription: 'work' },
      ...{ ready: 3, unacked: 0, retry: 2, dead: 1, consumers: 0 },
    });
    const audit = others.at(-1).queues.find(({ name }: { name: string }) => name === 'audit');
    assert.ok(audit.in > 0 && audit.ready === 1);
  }));

test('a terminal shows samples until a signal, and is then restored', () =>
  withQueues(async (run) => {
    const stop = new AbortController();
    const { status, stdout, stderr } = await run(['--interval', '1ms'], {
      terminal: 80,
      drain: stop.signal,
      onOutput: (text) => {
        if (text.split(home).length > 3) stop.abort('SIGTERM');
      },
    });
    assert.equal([status, stderr], [0, '']);
    assert.ok(stdout.startsWith(other) && stdout.endsWith(own));
    assert.match(stdout, /\n2 queues, 3 ready, 0 unacked, 2 retry, 1 dead, 0\/s in, 0\/s out\n\nname /);
  }));

test('a terminal is restored if the broker refuses the user', () =>
  withQueues(async (run, { ask }) => {
    let change: Promise<unknown> | undefined;
    const { status, stdout } = await run(['--interval', '1ms', '--trust-management'], {
      terminal: 80,
      onOutput: () => {
        change ??= ask('PUT /users/guest', { body: { password: 'other', tags: 'administrator' } });
      },
    });
    await change;
    assert.is(status, 77);
    assert.ok(stdout.startsWith(other) && stdout.endsWith(own));
  }));

test('a signal before the second sample of --once is its status', () =>
  withQueues(async (run) => {
    const { status, stdout } = await run(['--once'], { drain: AbortSignal.timeout(500) });
    assert.equal([status, stdout], [143, '']);
  }));

type Run = (args: readonly string[], options?: CliOptions) => Promise<CliRun>;

/** Runs `use` with a work queue, its retry and dead-letter queues, and another queue. */
async function withQueues(use: (run: Run, served: Served) => Promise<void>): Promise<void> {
  await withManagement(async (served) => {
    const { place, management } = served;
    const env = {
      MQ_CONFIG: join(emptyFolder({ 'rascal.json': JSON.stringify(content) }), 'rascal.json'),
      MQ_URL: place.url({}),
      MQ_MANAGEMENT_URL: `http://127.0.0.1:${management.port}`,
    };
    assert.is((await runCli(['declare'], { env })).status, 0);
    const channel = await place.channel();
    const sent = { jobs: 3, 'jobs.retry.30000': 2, 'jobs.dead': 1 };
    for (const [name, count] of Object.entries(sent))
      for (let at = 0; at < count; at += 1) channel.sendToQueue(name, Buffer.from('a'));
    await channel.waitForConfirms();
    await use((args, options) => runCli(['top', ...args], { ...options, env }), served);
  });
}

/** Replaces the memory at the end of each line, which depends on the broker. */
function withoutMemory(text: string): string {
  return text.replaceAll(/(?<=\t)\d+$/gm, '…').replaceAll(/ *[\d.]+ KiB$/gm, '  …');
}

test.run();
