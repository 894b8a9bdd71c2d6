// The roles of the queue `archive`: its publisher, and the mover that records and replays its messages in turn.

import { exitStatuses } from '../../../src/errors.ts';
import { Role } from '../roles.ts';
import { PublisherRole } from '../sending-roles.ts';
import type { Simulation } from '../simulation.ts';
import { simulatedFolder } from '../world/file-system.ts';
import { filesOf } from '../world/files.ts';
import type { Signal, SimulatedProcess } from '../world/process.ts';
import { archive, type PlannedRecording } from './plan.ts';
import { checkRecording, recordingOf } from './recording-file.ts';
import { ResumePoint } from './resume-point.ts';

export class ArchivePublisherRole extends PublisherRole {
  constructor(simulation: Simulation, { publisher }: PlannedRecording) {
    super(simulation, publisher);
  }

  protected override words(): readonly string[] {
    return ['publish', archive, '--timeout', '600'];
  }
}

/** A file whose messages are not all in the queue `work`. */
interface UnsentFile {
  readonly path: string;
  /** Number of messages that a replay has sent and that it has reported as confirmed. */
  skip: number;
}

const host = 'm0';

export class MoverRole extends Role {
  override readonly isSender = true;
  protected override readonly declaresNothing = true;
  protected override readonly usedQueues = [archive, 'work'];
  /** Number of processes that did not end with 0. The messages of each of them can be sent again. */
  interruptions = 0;
  readonly #plan: PlannedRecording;
  readonly #publisher: ArchivePublisherRole;
  /** Number of files. */
  #files = 0;
  /** Number of processes. */
  #starts = 0;
  #unsent: UnsentFile | undefined;

  constructor(simulation: Simulation, plan: PlannedRecording, publisher: ArchivePublisherRole) {
    super(simulation, `mover ${host}`, host);
    this.#plan = plan;
    this.#publisher = publisher;
  }

  start(): void {
    if (this.#starts === 0) this.simulation.world.later(this.#plan.at, () => this.#next());
    else this.#next();
  }

  /** Starts are the most expensive part of a run. */
  protected override get restartMs(): number {
    return this.#unsent ? 1000 : 10_000;
  }

  /** A full disk ends a recording with 74. */
  protected override statusesAfter(signals: readonly Signal[]): ReadonlySet<number> {
    const statuses = super.statusesAfter(signals);
    return this.#plan.mostBytes.length > 0 ? new Set([...statuses, exitStatuses.IO]) : statuses;
  }

  #next(): void {
    if (this.#unsent) this.#replay(this.#unsent);
    else this.#record();
  }

  #record(): void {
    const { world } = this.simulation;
    const files = filesOf(world);
    const path = `${simulatedFolder}/${host}-${this.#files}.ndjson`;
    const mostBytes = this.#plan.mostBytes[this.#files];
    if (mostBytes !== undefined) files.mostBytes.set(path, mostBytes);
    this.#files += 1;
    const { count } = this.#plan;
    const limit = count === undefined ? [] : ['--count', String(count)];
    const started = this.run(['record', path, '--from', archive, '--remove', ...limit], { onLine: () => undefined });
    this.#planEnd(started);
    started.onEnd(() => {
      const bytes = files.read(path);
      for (const violation of checkRecording(started, bytes)) this.#report(violation);
      if (recordingOf(bytes).messages.length > 0) this.#unsent = { path, skip: 0 };
      else this.#finishIfDone(started);
    });
  }

  #replay(unsent: UnsentFile): void {
    const { path, skip } = unsent;
    const { isComplete, messages } = recordingOf(filesOf(this.simulation.world).read(path));
    const resume = new ResumePoint(skip);
    const { to } = this.#plan;
    const keys = to === 'exchange:work' ? ['--map', `key:${archive}=work`] : [];
    const options = [...(isComplete ? [] : ['--partial']), ...(skip > 0 ? ['--skip', String(skip)] : [])];
    const started = this.run(['replay', path, '--now', '--to', to, ...keys, '--json', ...options], {
      onLine: (line) => resume.read(line),
    });
    this.#planEnd(started);
    started.onEnd(() => {
      if (started.end?.status === 0) {
        this.#unsent = undefined;
        if (resume.reached !== messages.length)
          this.#report(`replayed ${resume.reached} of ${messages.length} messages, and ended with 0`);
      } else unsent.skip = this.#skipAfter(started, resume);
    });
  }

  /** Returns the number of messages that the next replay leaves out, and checks that it is right. */
  #skipAfter({ end, signals, stderr }: SimulatedProcess, resume: ResumePoint): number {
    const said = /--skip (\d+) continues/.exec(stderr)?.[1];
    const skip = said === undefined ? resume.start : Number(said);
    // A third signal ends it at once.
    if (end?.status !== undefined && signals.length < 3 && skip !== resume.reached)
      this.#report(`replayed up to message ${resume.reached}, and continues after ${skip}: ${stderr.trim()}`);
    return skip;
  }

  /** Ends the mover when the queue is empty and its publisher has ended. */
  #finishIfDone({ end }: SimulatedProcess): void {
    const vhost = this.simulation.broker.current?.vhosts.get('/');
    // A publisher that was killed early has not declared the queue.
    const isEmpty = vhost !== undefined && (vhost.queues.get(archive)?.totals.bytes ?? 0) === 0;
    const hasLooked = end?.status === 0 || end?.status === exitStatuses.TOPOLOGY;
    if (hasLooked && this.#publisher.isFinished && isEmpty) this.isFinished = true;
  }

  /** Plans the end of a process. Its machine loses power at the same time, or does not. */
  #planEnd(started: SimulatedProcess): void {
    const { world } = this.simulation;
    const planned = this.#plan.ends[this.#starts];
    this.#starts += 1;
    started.onEnd(() => {
      if (started.end?.status !== 0) this.interruptions += 1;
    });
    if (planned === undefined) return;
    world.afterEvents(started, planned.events, () => {
      if (!started.isAlive) return;
      if (planned.isPowerLoss) filesOf(world).losePower(`${simulatedFolder}/${host}-`, world.random);
      started.kill();
    });
  }

  #report(violation: string): void {
    this.history.errors.push(`${this.name} ${violation}`);
  }
}
