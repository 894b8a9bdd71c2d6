// Compares handlers that are programs: `--exec` with amqp-consume (C), which also starts one program for each message,
// and `--exec-lines` with `--exec` and `--handler`.

import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { executable } from '../../support/mq.ts';
import { inTurn, type Job } from '../measure.ts';
import { type Column, perMessage, table } from '../table.ts';
import { configured, declare, type Settings } from './node.ts';

const queue = 'bench-classic';
const columns: readonly Column[] = [
  { title: 'cpu µs/msg', of: (measured) => measured.cpuMs * 1000 },
  { title: 'own µs/msg', of: (measured) => measured.ownCpuMs * 1000, digits: 1 },
  { title: 'ms/msg', of: ({ seconds }) => seconds * 1000, digits: 2 },
];

interface Contestant {
  readonly name: string;
  readonly job: (count: number) => Job;
}

/** The processor time includes that of the programs. */
export async function exec({ runs, messages, node }: Settings): Promise<void> {
  const { url } = await node();
  const cwd = folder();
  const amqpConsume = (count: number) => ['amqp-consume', '--url', url, '-q', queue, '-p', '1', '-c', String(count)];
  await compare('--exec ./true.sh', url, { runs, messages: Math.max(2, Math.round(messages / 50)) }, [
    { name: 'mq', job: mq(cwd, url, ['--exec', './true.sh', '--prefetch', '1']) },
    { name: 'amqp-consume (C)', job: (count) => ({ command: [...amqpConsume(count), './true.sh'], cwd }) },
  ]);
}

/** `own` is the processor time of mq without that of the program. */
export async function execLines({ runs, messages, node }: Settings): Promise<void> {
  const { url } = await node();
  const cwd = folder();
  await compare('--exec-lines ./answer.py', url, { runs, messages }, [
    { name: 'mq', job: mq(cwd, url, ['--exec-lines', './answer.py', '--prefetch', '256']) },
    { name: 'mq --handler empty.js', job: mq(cwd, url, ['--handler', 'empty.js', '--prefetch', '256']) },
  ]);
}

function mq(cwd: string, url: string, handler: readonly string[]) {
  return (count: number): Job => ({
    command: [executable, 'subscribe', 'bench', '--count', String(count), ...handler],
    cwd,
    url,
  });
}

function folder(): string {
  const cwd = configured(queue, 'classic');
  const programs = {
    'true.sh': '#!/bin/sh\nread -r body\nexit 0\n',
    'answer.py': `#!/usr/bin/python3 -IS
import json, sys
for line in sys.stdin:
    message = json.loads(line)
    sys.stdout.write('{"id":' + json.dumps(message['id']) + ',"outcome":"ack"}\\n')
    sys.stdout.flush()
`,
  };
  for (const [name, text] of Object.entries(programs)) {
    writeFileSync(join(cwd, name), text);
    chmodSync(join(cwd, name), 0o755);
  }
  return cwd;
}

async function compare(
  title: string,
  url: string,
  { runs, messages }: { runs: number; messages: number },
  contestants: readonly Contestant[],
): Promise<void> {
  const measured = (count: number) =>
    inTurn(
      runs,
      contestants.map(({ job }) => job(count)),
      () => declare(url, queue, 'classic', count),
    );
  const start = await measured(1);
  const all = await measured(messages);
  table(
    title,
    columns,
    contestants.map(({ name }, index) => ({
      name,
      rounds: perMessage(all[index] ?? [], start[index] ?? [], messages - 1),
    })),
  );
}
