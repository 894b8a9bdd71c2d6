// Writes the handlers of a ledger run: a module, a long-lived program, and a command for each message. A handler records each
// delivery, and then ends it in a random way. A message whose body begins with `poison-` always fails.

import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { node } from '../support/node.ts';

export type HandlerKind = 'module' | 'lines' | 'command';

export interface Chances {
  /** About this number of a thousand deliveries do not end with an ack. */
  readonly failing: number;
}

/**
 * The values of --handler-timeout, which ends a handler that hangs. The value for commands is higher, because each message
 * starts a process. If a busy machine exceeded it, a message could have an effect and be retried.
 */
export const deadlinesMs: Readonly<Record<HandlerKind, number>> = { module: 2000, lines: 2000, command: 6000 };

/** The ways in which each kind of handler ends without an ack, and their weights. */
const ways: Readonly<Record<HandlerKind, Readonly<Record<string, number>>>> = {
  module: { throws: 6, retry: 3, 'dead-letter': 3, reject: 2, nack: 2, requeue: 4, hangs: 1 },
  lines: {
    ...{ 1: 1, 2: 1, 3: 1, 4: 1, 5: 1, 6: 1, 7: 1, 8: 1, 9: 1 },
    ...{ retry: 6, 'dead-letter': 3, reject: 2, nack: 2, requeue: 4, garbage: 1, SIGKILL: 1, SIGTERM: 1, hangs: 1 },
  },
  command: {
    ...{ 1: 3, 2: 2, 3: 2, 4: 2, 5: 2, 6: 2, 7: 1, 8: 1, 9: 1 },
    ...{ SIGKILL: 1, SIGTERM: 1, SIGSEGV: 1, hangs: 1 },
  },
};

const choice = (kind: HandlerKind) => `
import { appendFileSync } from 'node:fs';
const { slot, failing } = JSON.parse(process.env['MQ_FAULTS_SLOT'] ?? '');
const ways = ${JSON.stringify(Object.entries(ways[kind]).flatMap(([way, times]) => Array(times).fill(way)))};
/** Returns the way in which the handler ends. The body of a poison message names it. */
const wayOf = (body) => {
  const poison = /^poison-([^-]+)-/.exec(body)?.[1];
  if (poison !== undefined) return ways.includes(poison) ? poison : ways[0];
  return Math.random() * 1000 < failing ? ways[Math.floor(Math.random() * ways.length)] : 'ack';
};
const record = (body, way, attempt) =>
  appendFileSync('effects-' + slot, [body, way, attempt, Date.now()].join('\\t') + '\\n');
`;

const module = `${choice('module')}
export default async ({ text, attempt }) => {
  const way = wayOf(text);
  record(text, way, attempt);
  switch (way) {
    case 'ack': return;
    case 'throws': throw new Error('it failed');
    case 'hangs': return await new Promise(() => {});
    case 'requeue': return { type: 'nack', requeue: true };
    default: return { type: way, reason: 'at random' };
  }
};`;

const lines = `${choice('lines')}
import { createInterface } from 'node:readline';
/** mq ends a role if its program ends three times without an answer, so each process answers its first message. */
const answers = ['ack', 'retry', 'dead-letter', 'reject', 'nack', 'requeue'];
let hasAnswered = false;
for await (const line of createInterface({ input: process.stdin })) {
  const { id, body, attempt } = JSON.parse(line);
  const chosen = wayOf(body);
  const way = hasAnswered || answers.includes(chosen) ? chosen : 'retry';
  hasAnswered = true;
  record(body, way, attempt);
  if (way === 'hangs') continue;
  if (way.startsWith('SIG')) process.kill(process.pid, way);
  else if (/^\\d$/.test(way)) process.exit(Number(way));
  else if (way === 'garbage') process.stdout.write('{"outcome":"ack"}\\n');
  else {
    const answer = way === 'requeue' ? { outcome: 'nack', requeue: true } : { outcome: way, reason: 'at random' };
    process.stdout.write(JSON.stringify({ id, ...answer }) + '\\n');
  }
}`;

const weighted = Object.entries(ways.command).flatMap(([way, times]) => Array<string>(times).fill(way));

const command = `#!/bin/bash
body=$(cat)
ways=(${weighted.join(' ')})
way=ack
if [[ $body =~ ^poison-([^-]+)- ]]; then
  way=1
  for one in "\${ways[@]}"; do [ "$one" != "\${BASH_REMATCH[1]}" ] || way=$one; done
elif (( RANDOM % 1000 < $2 )); then way=\${ways[RANDOM % \${#ways[@]}]}; fi
printf '%s\\t%s\\t%s\\t%s\\n' "$body" "$way" "$MQ_ATTEMPT" "$(( \${EPOCHREALTIME/./} / 1000 ))" >> "effects-$1"
case $way in
  ack) exit 0 ;;
  hangs) sleep 60 ;;
  SIG*) kill -"$way" $$ ;;
  *) exit "$way" ;;
esac
`;

/** Writes the handlers to the folder. Returns a function that returns the arguments and the environment of a handler. */
export function writeHandlers(
  folder: string,
  { failing }: Chances,
): (kind: HandlerKind, slot: number) => { args: readonly string[]; env: Readonly<Record<string, string>> } {
  writeFileSync(join(folder, 'statuses.mjs'), module);
  writeFileSync(join(folder, 'lines.mjs'), lines);
  writeFileSync(join(folder, 'statuses.sh'), command);
  chmodSync(join(folder, 'statuses.sh'), 0o755);
  return (kind, slot) => ({
    args: {
      module: ['--handler', 'statuses.mjs'],
      lines: ['--pass-env', 'MQ_FAULTS_SLOT', '--exec-lines', node, 'lines.mjs'],
      command: ['--exec', './statuses.sh', String(slot), String(failing)],
    }[kind],
    env: { MQ_FAULTS_SLOT: JSON.stringify({ slot, failing }) },
  });
}

/** The ways in which poison messages fail. A handler that does not support one of them fails in another way. */
export const poisons = ['1', '4', '6', '9', 'throws', 'retry', 'requeue', 'SIGKILL', 'hangs'] as const;
