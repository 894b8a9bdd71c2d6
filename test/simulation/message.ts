// The messages of a simulation. A body contains how its handler ends each attempt.

/** The ways in which a handler of any kind ends one attempt. */
export const plainWays = ['throws', 'retry', 'dead-letter', 'reject', 'nack', 'requeue', 'hangs'] as const;
/** The ways of a program. Another handler throws instead. */
export const programWays = [
  ...(['1', '2', '3', '4', '5', '6', '7', '9', '130', '143'] as const),
  ...(['SIGKILL', 'SIGTERM', 'SIGSEGV', 'garbage'] as const),
];

export type Way = 'ack' | (typeof plainWays)[number] | (typeof programWays)[number];

export interface PlannedMessage {
  readonly id: string;
  /** The ways of the attempts. The last one repeats. */
  readonly ways: readonly Way[];
  /** Duration of the handler in milliseconds. */
  readonly ms: number;
  /** Additional bytes of the body. */
  readonly bytes: number;
}

/** A message as a handler receives it. */
export interface Received {
  readonly text: string;
  readonly attempt: number;
  readonly fields: { readonly redelivered: boolean };
  readonly properties: { readonly messageId?: string };
  readonly headers: Readonly<Record<string, unknown>>;
}

/**
 * Returns true if its place in the queue is not that of its first publish: the broker has delivered it before, or mq has
 * published it to the end of its queue, as a role that stops does on a classic queue (retries-and-dead-letters.md).
 */
export function isAgain({ fields, headers }: Received): boolean {
  return fields.redelivered || headers['x-mq-renewed'] !== undefined || headers['x-mq-redelivered'] !== undefined;
}

export function bodyOf({ id, ways, ms, bytes }: PlannedMessage): string {
  return `${id} ${ways.join(',')} ${ms} ${'x'.repeat(bytes)}`;
}

/** Returns how the attempt ends, and its duration. */
export function wayOf({ text, attempt }: Received): { way: Way; ms: number } {
  const [, ways = 'ack', ms = '0'] = text.split(' ');
  const list = ways.split(',');
  // The body is that of a planned message.
  return { way: list[Math.min(attempt, list.length) - 1] as Way, ms: Number(ms) };
}

/** Returns the reply to a request. */
export function replyTo(body: string): string {
  return `reply to ${body.split(' ')[0]}`;
}
