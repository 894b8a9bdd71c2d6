// Runs mq dlq on a terminal: a purge asks for confirmation, and a long run shows its progress.

import { spawn } from 'node:child_process';
import { PassThrough, Readable, Writable } from 'node:stream';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cli } from '../../src/cli/cli.ts';
import { drain, Place } from '../support/embedded.ts';

interface Run {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs mq in this process with a terminal on stdin and stderr. `typed` is the input of the user. */
async function onTerminal(args: readonly string[], { url, typed }: { url: string; typed: string }): Promise<Run> {
  const texts = { stdout: '', stderr: '' };
  const output = (name: 'stdout' | 'stderr') =>
    new Writable({
      write(chunk: Buffer, _encoding, next) {
        texts[name] += chunk;
        next();
      },
    });
  const never = new AbortController().signal;
  const stdin = Object.assign(typed === '' ? new PassThrough() : Readable.from([typed]), { isTTY: true });
  const status = await cli({
    args,
    env: { MQ_URL: url },
    cwd: import.meta.dirname,
    stdin: () => stdin,
    stdout: output('stdout'),
    stderr: Object.assign(output('stderr'), { isTTY: true }),
    drain: never,
    abandon: never,
    giveUp: () => undefined,
    pid: 1,
    isAlive: () => true,
    memoryBytes: 1024 ** 3,
    kill: () => undefined,
    spawn,
    stray: new Promise<never>(() => undefined),
    self: { command: '', args: [] },
  });
  return { status, ...texts };
}

async function filled(place: Place, count: number): Promise<string> {
  const channel = await place.channel();
  await channel.assertQueue('graves', { durable: true });
  const headers = { 'x-mq-queue': 'alive', 'x-mq-exchange': '', 'x-mq-routing-key': 'alive' };
  for (let index = 0; index < count; index += 1) channel.sendToQueue('graves', Buffer.from(`${index}`), { headers });
  await channel.waitForConfirms();
  return place.url();
}

test('a purge deletes messages only after the user confirms it', async () => {
  await Place.with({ port: 0 }, async (place) => {
    const url = await filled(place, 3);
    const args = ['dlq', 'purge', '--queue', 'graves'];
    for (const typed of ['n\n', '\n', 'never\n']) {
      const { status, stderr, stdout } = await onTerminal(args, { url, typed });
      assert.equal([status, stdout], [1, '']);
      assert.match(stderr, /^delete 3 messages of graves permanently\? \[y\/N\] /);
    }
    const channel = await place.channel();
    assert.is((await channel.checkQueue('graves')).messageCount, 3);
    const { status, stdout } = await onTerminal(args, { url, typed: 'y\n' });
    assert.equal([status, stdout], [0, 'deleted 3 messages of graves, 0 left\n']);
    assert.is((await channel.checkQueue('graves')).messageCount, 0);
  });
});

test('a long replay shows its progress on stderr, and clears it at the end', async () => {
  await Place.with({ port: 0 }, async (place) => {
    const count = 30_000;
    const url = await filled(place, count);
    const channel = await place.channel();
    await channel.assertQueue('alive', { durable: true });
    const { status, stdout, stderr } = await onTerminal(['dlq', 'replay', '--queue', 'graves'], { url, typed: '' });
    assert.is(status, 0, stderr);
    assert.is(stdout, `replayed ${count} messages of graves, 0 left\n`);
    const shown = [...stderr.matchAll(/\r(\d+) of 30000/g)].map(([, done]) => Number(done));
    assert.ok(shown.length > 0);
    assert.equal(
      shown,
      shown.toSorted((one, other) => one - other),
    );
    assert.ok(stderr.endsWith('\r\u001b[K'));
    assert.is(new Set(await drain(channel, 'alive')).size, count);
  });
});

test.run();
