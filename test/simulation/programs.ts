// The programs of --exec and --exec-lines in the simulation. They record each message, and end the attempt in its planned
// way: by an exit status, by a signal, by an answer, or not at all.

import { createInterface } from 'node:readline';
import { type Received, replyTo, type Way, wayOf } from './message.ts';
import type { Program, ProgramSide } from './world/child.ts';

/** Properties of a program that mq must tolerate. */
export const quirks = [
  'ignores SIGTERM',
  'starts slowly',
  'prints',
  'closes stdin',
  'grandchild keeps outputs',
  'ends late',
] as const;

export type Quirk = (typeof quirks)[number];

interface ProgramPlan {
  readonly quirks: readonly Quirk[];
  /** Receives each message when the program has read it. */
  readonly onRead: (received: Received) => void;
  /** Records a delivery and how it ends. */
  readonly record: (received: Received, way: Way) => void;
  /** True if the output is a reply. */
  readonly isReply: boolean;
}

/** Milliseconds that a slow program needs before it reads its input. */
const slowStartMs = 700;
/** Milliseconds that a program needs to end after its last output. */
const lateEndMs = 300;
const grandchildMs = 2000;

/** Statuses of the ways that are words (exec.ts). */
const statuses: Readonly<Partial<Record<Way, number>>> = {
  ...{ ack: 0, throws: 1, garbage: 1, retry: 75, 'dead-letter': 3, reject: 5, nack: 3, requeue: 4 },
};

/** Returns the program of --exec: it handles one message. */
export function commandOf({ quirks: its, onRead, record, isReply }: ProgramPlan): Program {
  return async (side) => {
    await begin(side, its);
    const received = await receive(side, its);
    onRead(received);
    const { way, ms } = wayOf(received);
    if (its.includes('prints') && !isReply) print(side, 'a line\nhalf of ');
    await side.sleep(ms);
    record(received, way);
    if (its.includes('prints') && !isReply) print(side, 'a line');
    if (way === 'ack' && isReply) print(side, replyTo(received.text));
    if (way === 'garbage') print(side, '\u0000\u001b[2J{"outcome":"ack"}\n');
    if (its.includes('grandchild keeps outputs')) side.keepOutputsOpen(grandchildMs);
    if (its.includes('ends late')) await side.sleep(lateEndMs);
    return endBy(side, way);
  };
}

/** Returns the program of --exec-lines: it handles messages until its input ends. */
export function linesOf({ quirks: its, onRead, record }: ProgramPlan): Program {
  return async (side) => {
    await begin(side, its);
    let hasAnswered = false;
    for await (const line of createInterface({ input: side.stdin })) {
      const { id, batch, ...message } = JSON.parse(line) as Line;
      const messages = (batch ?? [message]).map(receivedOf);
      for (const one of messages) onRead(one);
      const plans = messages.map(wayOf);
      // mq ends a role if its program ends three times without an answer, so each process answers its first message.
      const ways = plans.map(({ way }) => (hasAnswered || isAnswer(way) ? way : 'retry'));
      // Without an answer, the whole batch fails.
      const rude = ways.find((way) => !isAnswer(way));
      await side.sleep(Math.max(...plans.map(({ ms }) => ms)));
      for (const [index, one] of messages.entries()) record(one, rude ?? ways[index] ?? 'ack');
      hasAnswered = true;
      if (its.includes('prints')) print(side, 'a line that is no answer\n');
      if (rude === 'garbage') print(side, '{"outcome":"ack"}\n');
      else if (rude !== undefined) return endBy(side, rude);
      else
        print(
          side,
          `${JSON.stringify(
            answerTo(
              id,
              messages.map(({ text }, index) => answerOf(text, ways[index] ?? 'ack')),
              batch !== undefined,
            ),
          )}\n`,
        );
    }
    if (its.includes('ends late')) await side.sleep(lateEndMs);
    return 0;
  };
}

/** The message as JSON, which mq passes on descriptor 3 and in each line (exec-message.ts). */
interface MessageJson {
  readonly body: string;
  readonly attempt: number;
  readonly fields: { readonly redelivered: boolean };
  readonly properties: { readonly messageId?: string };
  readonly headers: Readonly<Record<string, unknown>>;
}

interface Line extends MessageJson {
  readonly id: number;
  readonly batch?: readonly MessageJson[];
}

async function begin(side: ProgramSide, its: readonly Quirk[]): Promise<void> {
  if (its.includes('ignores SIGTERM')) side.onTerm = () => undefined;
  if (its.includes('starts slowly')) await side.sleep(slowStartMs);
}

async function receive(side: ProgramSide, its: readonly Quirk[]): Promise<Received> {
  const json = side.descriptor3 ? await textOf(side.descriptor3) : '{}';
  const received = receivedOf(JSON.parse(json));
  if (its.includes('closes stdin')) {
    side.stdin.destroy();
    return received;
  }
  const body = await textOf(side.stdin);
  if (body !== received.text) throw new Error('stdin and descriptor 3 differ');
  return received;
}

function receivedOf({ body, attempt, fields, properties, headers }: MessageJson): Received {
  return { text: body, attempt, fields, properties, headers };
}

async function textOf(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

function print(side: ProgramSide, text: string): void {
  side.stdout.write(text);
}

function endBy(side: ProgramSide, way: Way): number | Promise<number> {
  if (way === 'hangs') return new Promise(() => undefined);
  if (way.startsWith('SIG')) {
    // The names of these ways are those of the signals.
    side.die(way as NodeJS.Signals);
    return new Promise(() => undefined);
  }
  return statuses[way] ?? Number(way);
}

function isAnswer(way: Way): boolean {
  return way !== 'garbage' && way !== 'throws' && way !== 'hangs' && statuses[way] !== undefined;
}

function answerTo(id: number, answers: readonly object[], isBatch: boolean): object {
  if (!isBatch) return { id, ...answers[0] };
  return { id, outcomes: answers.map((answer, index) => ({ id: index + 1, ...answer })) };
}

/** mq ignores the reply of a role that does not reply. */
function answerOf(text: string, way: Way): object {
  if (way === 'ack') return { outcome: 'ack', reply: replyTo(text) };
  return way === 'requeue' ? { outcome: 'nack', requeue: true } : { outcome: way, reason: 'as planned' };
}
