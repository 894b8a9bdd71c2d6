// The stream of a run: its roles, its history, and what must be true at the end.

import { emptyHistory } from '../../faults/history.ts';
import { verdictOf } from '../../faults/verdict.ts';
import type { Simulation } from '../simulation.ts';
import { isOfStream, type PlannedStream, streamName } from './plan.ts';
import { ReaderRole, StreamPublisherRole } from './roles.ts';

export class StreamRun {
  /** The history of the publisher and the readers. Their messages are not in the queues of the plan. */
  readonly history = emptyHistory();
  readonly roles: readonly [StreamPublisherRole, ...ReaderRole[]];
  readonly #simulation: Simulation;
  readonly #plan: PlannedStream;
  readonly #readers: readonly ReaderRole[];
  /** Bodies by offset, as the readers have received them. */
  readonly #bodies = new Map<number, string>();
  /** Number of messages when the stream was deleted. */
  #deletedAt: number | undefined;

  constructor(simulation: Simulation, plan: PlannedStream) {
    this.#simulation = simulation;
    this.#plan = plan;
    this.#readers = plan.readers.map((one) => new ReaderRole(simulation, one, this));
    this.roles = [new StreamPublisherRole(simulation, plan, this), ...this.#readers];
  }

  /** True if each reader has handled all messages. */
  get isDone(): boolean {
    const end = this.#end;
    return this.#readers.every(({ progress }) => progress.missing(end).length === 0);
  }

  /** Virtual time of the last message that was handled. */
  get lastAt(): number {
    return this.history.effects.at(-1)?.at ?? 0;
  }

  /** Deletes the stream, so that the broker counts none of its bytes any more. */
  finish(): void {
    this.#deletedAt = this.#end;
    this.#simulation.broker.run(({ vhosts }) => vhosts.get('/')?.queues.get(streamName)?.delete());
  }

  /** Records the body that a reader has received. */
  see(offset: number, body: string): void {
    const known = this.#bodies.get(offset);
    if (known === undefined) this.#bodies.set(offset, body);
    else if (known !== body) this.history.errors.push(`offset ${offset} was ${known}, and is ${body}`);
  }

  /** Returns a line for each violation. The dead letters must have been read. */
  violations(): string[] {
    const { history } = this;
    const { failures } = verdictOf({ ...history, runs: [] }, { duplicates: Number.POSITIVE_INFINITY, order: false });
    const all = [
      ...failures.filter((one) => one !== 'no message was handled'),
      ...this.#missing(),
      ...this.#disorder(),
    ];
    return all.map((violation) => `stream: ${violation}`);
  }

  /** A reader must have handled each message, or have moved it to the dead letters. */
  #missing(): string[] {
    const dead = new Set(this.history.deadLettered);
    const end = this.#end;
    return this.#readers.flatMap(({ name, progress }) => {
      const missing = progress.missing(end).filter((offset) => !dead.has(this.#bodies.get(offset) ?? ''));
      return missing.length > 0 ? [`${name} has not handled the offsets ${missing.join(', ')} of ${end}`] : [];
    });
  }

  /** The stream has the order of its publisher, which can send the messages again that were not confirmed. */
  #disorder(): string[] {
    const { broker, plan, roles } = this.#simulation;
    const isOrdered = !roles.some(({ hasLateNack }) => hasLateNack);
    const bodies = [...this.#bodies].sort(([one], [other]) => one - other).map(([, body]) => body);
    const first = [...new Set(bodies)];
    const order = [...this.history.attempted.keys()].filter((body) => first.includes(body));
    const copies = bodies.length - first.length;
    const most = this.#plan.publisher.window * (plan.faults.length + broker.ends);
    return [
      ...(isOrdered && order.some((body, index) => body !== first[index])
        ? ['the messages do not have the order of the publisher']
        : []),
      ...(copies > most ? [`${copies} messages are in the stream again, the faults explain at most ${most}`] : []),
    ];
  }

  /** The offset after the last message. */
  get #end(): number {
    return this.#deletedAt ?? this.#simulation.broker.current?.vhosts.get('/')?.queues.get(streamName)?.readyCount ?? 0;
  }
}

/** Returns whether a queue must be empty when a run is done. */
export function mustBecomeEmpty(queue: string): boolean {
  return !queue.endsWith('.dead') && !isOfStream(queue);
}
