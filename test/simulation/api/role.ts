// An operator who runs commands of the management API, one after the other, and looks whether each change has happened.

import { exitStatuses } from '../../../src/errors.ts';
import { Role } from '../roles.ts';
import type { Simulation } from '../simulation.ts';
import type { Signal, SimulatedProcess } from '../world/process.ts';
import type { ApiCommand, PlannedApi } from './plan.ts';
import { PolicyState } from './policy-state.ts';

const policy = 'p0';
/** A pattern that matches no queue. */
const pattern = '^none$';
/** Virtual time in which a command must end: some requests of 30 s each, and the proof of its broker. */
const endMs = 180_000;

export class OperatorRole extends Role {
  override readonly isSender = true;
  readonly #plan: PlannedApi;
  readonly #state = new PolicyState();
  /** Number of processes. */
  #starts = 0;

  constructor(simulation: Simulation, plan: PlannedApi) {
    super(simulation, 'operator o0', 'o0');
    this.#plan = plan;
  }

  start(): void {
    const { world } = this.simulation;
    if (this.#starts === 0) world.later(this.#plan.at, () => this.#next());
    else this.#next();
  }

  protected override get restartMs(): number {
    return this.#plan.everyMs;
  }

  /** A refused login, a policy that does not exist, and an answer that is not JSON. */
  protected override statusesAfter(signals: readonly Signal[]): ReadonlySet<number> {
    const { NOT_PERMITTED, BAD_DATA, PROTOCOL } = exitStatuses;
    return new Set([...super.statusesAfter(signals), NOT_PERMITTED, BAD_DATA, PROTOCOL]);
  }

  #next(): void {
    const command = this.#plan.commands[this.#starts];
    if (command === undefined) return;
    this.#starts += 1;
    const value = command === 'delete' ? undefined : this.#starts;
    const started = this.run(wordsOf(command, this.#starts), { onLine: (line) => JSON.parse(line) });
    this.#checkEnd(started);
    if (command === 'set' || command === 'delete') this.#state.begin(value);
    started.onEnd(() => {
      if (command === 'set' || command === 'delete') this.#check(started, value);
      this.isFinished ||= this.#starts === this.#plan.commands.length;
    });
  }

  /** Compares the policy with what the command has reported. */
  #check({ end, signals, stderr }: SimulatedProcess, value: number | undefined): void {
    const { broker } = this.simulation;
    const status = end?.status;
    // A policy that does not exist cannot be deleted.
    if (status === 0 || (status === exitStatuses.BAD_DATA && value === undefined)) this.#state.succeed(value);
    // A request that may have been executed.
    else if (status === undefined || status === exitStatuses.IN_DOUBT || signals.length > 0) this.#state.doubt();
    const vhost = broker.current?.vhosts.get('/');
    if (vhost === undefined) return;
    const found = vhost.policies.get('policy', policy)?.definition['max-length'];
    const violation = this.#state.compare(found);
    if (violation) this.history.errors.push(`${this.name} ended with ${status}, but ${violation}: ${stderr.trim()}`);
  }

  #checkEnd(process: SimulatedProcess): void {
    const { world } = this.simulation;
    world.later(endMs, () => {
      if (process.end === undefined && process.frozenUntil === 0)
        this.history.errors.push(`${this.name} has not ended within ${endMs} ms`);
    });
  }
}

function wordsOf(command: ApiCommand, number: number): readonly string[] {
  switch (command) {
    case 'set':
      return ['admin', 'set', 'policy', policy, pattern, JSON.stringify({ 'max-length': number }), '--json'];
    case 'delete':
      return ['admin', 'delete', 'policy', policy, '--yes', '--json'];
    case 'list':
      return ['admin', 'list', 'queues', '--json'];
    case 'top':
      return ['top', '--once', '--json'];
  }
}
