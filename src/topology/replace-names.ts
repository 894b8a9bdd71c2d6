// Names the objects that exist on the broker while a queue is replaced.

const holdingEnd = '.mq-replace';
/** AMQP 0-9-1, 4.2.5.3: a short string has at most 255 bytes. */
const longestName = 255;

/** Name of the queue that keeps all messages during the replacement, and of the exchange that moves them. */
export function holdingName(queue: string): string {
  return queue + holdingEnd;
}

/** Name of the exclusive queue that keeps a second mq from replacing the same queue. */
export function lockName(queue: string): string {
  return `${queue}.mq-lock`;
}

/** Name of the queue with which mq checks that the broker accepts the new arguments. */
export function probeName(queue: string): string {
  return `${queue}.mq-probe`;
}

/** Why a queue with a name that is too long cannot be replaced, without a full stop. */
export const tooLong = `its name is too long for 'NAME${holdingEnd}', because AMQP allows ${longestName} bytes`;

/** Returns all names for which a user needs permissions to replace the queue. */
export function namesFor(queue: string): string[] {
  return [queue, holdingName(queue), lockName(queue), probeName(queue)];
}

/** Reports whether the name is too long for the queues that mq adds. */
export function isTooLong(queue: string): boolean {
  return Buffer.byteLength(holdingName(queue)) > longestName;
}

interface Named {
  readonly name: string;
}

/** Returns the queues of rascal.json whose replacement was interrupted, because their holding queues exist. */
export function unfinishedReplacements(
  wanted: { readonly queues: readonly (Named & { readonly isDeclared: boolean })[] },
  found: { readonly queues: readonly Named[] },
): string[] {
  const names = new Set(found.queues.map(({ name }) => name));
  return wanted.queues
    .filter(({ name, isDeclared }) => isDeclared && names.has(holdingName(name)))
    .map(({ name }) => name);
}
