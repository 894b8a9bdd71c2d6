// Compares handlers that are programs: `--exec` with amqp-consume (C), which also starts one program for each message,
// and `--exec-lines` with `--exec` and `--handler`.

import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { executable } from '../../support/mq.ts';
import type { Column } from '../table.ts';
import { configured, declare, type Settings } from './node.ts';
import { compare, type Program } from './per-message.ts';

const queue = 'bench-classic';
const columns: readonly Column[] = [
  { title: 'cpu µs/msg', of: (measured) => measured.cpuMs * 1000 },
  { title: 'own µs/msg', of: (measured) => measured.ownCpuMs * 1000, digits: 1 },
  { title: 'ms/msg', of: ({ seconds }) => seconds * 1000, digits: 2 },
];

/** The processor time includes that of the programs. */
export async function exec({ runs, messages, node }: Settings): Promise<void> {
  const { url } = await node();
  const cwd = folder();
  const amqpConsume = (count: number) => ['amqp-consume', '--url', url, '-q', queue, '-p', '1', '-c', String(count)];
  await compare('--exec ./true.sh', {
    ...{ runs, messages: Math.max(2, Math.round(messages / 15)), columns, before: filled(url) },
    programs: [
      { name: 'mq', job: mq(cwd, url, ['--prefetch', '1', '--exec', './true.sh']) },
      { name: 'amqp-consume (C)', job: (count) => ({ command: [...amqpConsume(count), './true.sh'], cwd }) },
    ],
  });
}

/** `own` is the processor time of mq without that of the program. */
export async function execLines({ runs, messages, node }: Settings): Promise<void> {
  const { url } = await node();
  const cwd = folder();
  await compare('--exec-lines ./answer.py', {
    ...{ runs, messages, columns, before: filled(url) },
    programs: [
      { name: 'mq', job: mq(cwd, url, ['--prefetch', '256', '--exec-lines', './answer.py']) },
      { name: 'mq --handler empty.js', job: mq(cwd, url, ['--prefetch', '256', '--handler', 'empty.js']) },
    ],
  });
}

function filled(url: string) {
  return (count: number) => declare(url, queue, 'classic', count);
}

/** The handler comes last, because everything after --exec belongs to the program. */
function mq(cwd: string, url: string, handler: readonly string[]): Program['job'] {
  return (count) => ({
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
