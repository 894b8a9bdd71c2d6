// The roles of a stream: its publisher and its readers.

import type { History } from '../../faults/history.ts';
import type { Received } from '../message.ts';
import { ReceivingRole } from '../receiving-roles.ts';
import { PublisherRole } from '../sending-roles.ts';
import type { Simulation } from '../simulation.ts';
import { simulatedFolder } from '../world/file-system.ts';
import { type PlannedReader, type PlannedStream, streamName } from './plan.ts';
import { Progress } from './progress.ts';
import type { StreamRun } from './run.ts';

export class StreamPublisherRole extends PublisherRole {
  readonly #stream: StreamRun;

  constructor(simulation: Simulation, { publisher }: PlannedStream, stream: StreamRun) {
    super(simulation, publisher);
    this.#stream = stream;
  }

  override get history(): History {
    return this.#stream.history;
  }

  protected override words(): readonly string[] {
    return ['publish', streamName, '--timeout', '600'];
  }
}

/** The message of a role that ends before the broker has confirmed its last offset. */
const isUnstored = /may not be stored|cannot be stored|cannot write the offset/;

export class ReaderRole extends ReceivingRole {
  readonly progress: Progress;
  readonly #reader: PlannedReader;
  readonly #stream: StreamRun;

  constructor(simulation: Simulation, reader: PlannedReader, stream: StreamRun) {
    super(simulation, reader, 'reader', wordsOf(reader));
    this.#reader = reader;
    this.#stream = stream;
    this.progress = new Progress({
      isSequential: reader.concurrency === 1,
      keepsOffset: reader.offsets !== 'none',
    });
  }

  override get history(): History {
    return this.#stream.history;
  }

  /** Attempts are counted in the process, so that a policy that ends it would repeat the first one for ever. */
  protected override get onFail(): string {
    const { onFail } = this.simulation.plan;
    return onFail === 'requeue' || onFail === 'dead-letter' ? onFail : 'retry';
  }

  /** It hands back nothing, because messages do not leave a stream. */
  override get mostHandedBack(): number {
    return 0;
  }

  override mayReceive(body: string): boolean {
    return body.startsWith(`${this.simulation.plan.stream?.publisher.host}-`);
  }

  override start(): void {
    this.progress.begin();
    super.start();
    const { process } = this;
    process?.onEnd(() => {
      if (process.end?.status === 0 && !isUnstored.test(process.stderr)) this.progress.end();
    });
  }

  override onHandled({ headers, text, attempt }: Received, way: string): void {
    const { world } = this.simulation;
    const offset = Number(headers['x-stream-offset']);
    const isFinal = way === 'ack' || way === 'dead-letter' || (this.onFail === 'dead-letter' && way !== 'requeue');
    this.#stream.see(offset, text);
    for (const violation of this.progress.handle({ offset, attempt, isFinal }))
      this.history.errors.push(`${this.name} ${violation}`);
    // A file has the offset one turn of the event loop later. The second event lets everything run that was due by then.
    if (this.#reader.offsets === 'file')
      world.after(0, () => world.after(1, () => this.#settle(offset, { isComplete: way === 'ack' })));
  }

  #settle(offset: number, { isComplete }: { isComplete: boolean }): void {
    this.progress.settleBefore(offset);
    if (isComplete) this.progress.settle(offset);
  }
}

function wordsOf({ host, offsets }: PlannedReader): readonly string[] {
  const place = {
    file: ['--offset-file', `${simulatedFolder}/${host}.offset`],
    queue: ['--offset-name', host],
    none: ['--offset', 'first'],
  };
  return ['subscribe', streamName, ...place[offsets]];
}
