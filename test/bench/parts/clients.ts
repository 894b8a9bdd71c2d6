// Compares `mq publish --lines` and `mq subscribe --handler` with the AMQP clients of Node.

import { join } from 'node:path';
import { executable } from '../../support/mq.ts';
import { measure } from '../measure.ts';
import { messageColumns as columns, say } from '../table.ts';
import { configured, declare, linesFile, prefetch, type Settings, window } from './node.ts';
import { compare, type Program } from './per-message.ts';

const clients = join(import.meta.dirname, '../clients');
const names = ['amqplib', 'cloudamqp', 'rabbitmq-client'];

function client(name: string, ...args: string[]): readonly string[] {
  return [process.execPath, join(clients, `${name}.js`), ...args];
}

/** Each message is persistent, mandatory and confirmed. */
export async function publish({ runs, messages, node }: Settings): Promise<void> {
  const { url } = await node();
  for (const type of ['classic', 'quorum']) {
    const queue = `bench-${type}`;
    const cwd = configured(queue, type);
    const publisher = (name: string, command: readonly string[]): Program => ({
      name,
      job: (lines) => ({ command, cwd, url, input: linesFile(cwd, lines) }),
    });
    const programs = [
      publisher('mq', [executable, 'publish', 'bench', '--lines', '--window', window]),
      ...names.map((name) => publisher(name, client(name, 'publish', queue, window))),
    ];
    const before = () => declare(url, queue, type);
    await compare(`publish, confirmed, ${type}`, { runs, messages, columns, programs, before });
  }
}

/** Each message is acknowledged. The handler of mq is an empty function. */
export async function consume({ runs, messages, node }: Settings): Promise<void> {
  const { url } = await node();
  for (const type of ['classic', 'quorum']) {
    const queue = `bench-${type}`;
    const cwd = configured(queue, type);
    const mq = [executable, 'subscribe', 'bench', '--handler', 'empty.js', '--prefetch', prefetch, '--count'];
    const consumer = (name: string, command: readonly string[]): Program => ({
      name,
      job: (count) => ({ command: [...command, String(count)], cwd, url }),
    });
    const programs = [
      consumer('mq', mq),
      ...names.map((name) => consumer(name, client(name, 'consume', queue, prefetch))),
    ];
    const before = (count: number) => declare(url, queue, type, count);
    await compare(`consume, acknowledged, ${type}`, { runs, messages, columns, programs, before });
  }
}

/** The least that a client can do: connect, publish one message with confirm, close. */
export function publishOnce(name: string, queue: string): readonly string[] {
  return client(name, 'once', queue);
}

/** Memory of `mq publish --lines` must not depend on the length of the input. */
export async function memory({ messages, node }: Settings): Promise<void> {
  const { url } = await node();
  const cwd = configured('bench-classic', 'classic');
  await declare(url, 'bench-classic', 'classic');
  const command = [executable, 'publish', 'bench', '--lines', '--window', window];
  say('\nmemory of publish --lines                        peak MB');
  for (const lines of [1, messages, messages * 5]) {
    const { peakMb } = await measure({ command, cwd, url, input: linesFile(cwd, lines) });
    say(`  ${`${lines} lines`.padEnd(42)}${peakMb.toFixed(0).padStart(12)}`);
  }
}
