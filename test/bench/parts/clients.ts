// Compares `mq publish --lines` and `mq subscribe --handler` with the AMQP clients of Node.

import { join } from 'node:path';
import { executable } from '../../support/mq.ts';
import { inTurn, type Job, measure } from '../measure.ts';
import { messageColumns, perMessage, say, table } from '../table.ts';
import { configured, declare, linesFile, prefetch, type Settings, window } from './node.ts';

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
    const publisher =
      (command: readonly string[]) =>
      (lines: number): Job => ({
        command,
        cwd,
        url,
        input: linesFile(cwd, lines),
      });
    const jobs = [
      publisher([executable, 'publish', 'bench', '--lines', '--window', window]),
      ...names.map((name) => publisher(client(name, 'publish', queue, window))),
    ];
    const before = () => declare(url, queue, type);
    await compare(`publish, confirmed, ${type}`, { runs, messages, jobs, before: () => before });
  }
}

/** Each message is acknowledged. The handler of mq is an empty function. */
export async function consume({ runs, messages, node }: Settings): Promise<void> {
  const { url } = await node();
  for (const type of ['classic', 'quorum']) {
    const queue = `bench-${type}`;
    const cwd = configured(queue, type);
    const mq = [executable, 'subscribe', 'bench', '--handler', 'empty.js', '--prefetch', prefetch, '--count'];
    const jobs = [
      (count: number): Job => ({ command: [...mq, String(count)], cwd, url }),
      ...names.map(
        (name) =>
          (count: number): Job => ({
            command: client(name, 'consume', queue, prefetch, String(count)),
            cwd,
            url,
          }),
      ),
    ];
    const before = (count: number) => () => declare(url, queue, type, count);
    await compare(`consume, acknowledged, ${type}`, { runs, messages, jobs, before });
  }
}

/** The least that a client can do: connect, publish one message with confirm, close. */
export function publishOnce(name: string, queue: string): readonly string[] {
  return client(name, 'once', queue);
}

interface Comparison {
  readonly runs: number;
  readonly messages: number;
  /** Creates the job of each program for a number of messages. The first one is mq. */
  readonly jobs: readonly ((messages: number) => Job)[];
  readonly before: (messages: number) => () => Promise<void>;
}

async function compare(title: string, { runs, messages, jobs, before }: Comparison): Promise<void> {
  const of = (count: number) => jobs.map((job) => job(count));
  const start = await inTurn(runs, of(1), before(1));
  const all = await inTurn(runs, of(messages), before(messages));
  const contestants = ['mq', ...names].map((name, index) => ({
    name,
    rounds: perMessage(all[index] ?? [], start[index] ?? [], messages - 1),
  }));
  table(title, messageColumns, contestants);
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
