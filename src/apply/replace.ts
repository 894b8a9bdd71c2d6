// Replaces a queue without losing its messages. A holding queue has all bindings of the queue and keeps its messages while
// the queue is deleted and declared. What the next run has to do follows from what exists, so that it can continue after
// an interruption at any point:
//
// | the queue           | the holding queue | the run                                                           |
// |---------------------|-------------------|-------------------------------------------------------------------|
// | differs             | missing or exists | moves messages and bindings out, deletes and declares the queue    |
// | missing             | exists            | declares the queue, and moves messages and bindings back           |
// | as in rascal.json   | exists            | moves messages and bindings back, and deletes the holding queue    |

import { MqError } from '../errors.ts';
import type { SingleConnection } from '../session/session.ts';
import { compareTopology } from '../topology/compare.ts';
import { holdingName, lockName } from '../topology/replace-names.ts';
import type { TopologyQueue } from '../topology/topology.ts';
import type { WantedQueue } from '../topology/wanted.ts';
import { withPolicySettings } from './effective-policy.ts';
import { assertKeepsMessages } from './replace-holding-policy.ts';
import { isPrecondition, ReplacedObjects } from './replace-objects.ts';
import { assertReplaceable, assertShortName, deleted, withNeededNames } from './replace-refusals.ts';
import { readState, type VhostState } from './replace-state.ts';
import { Transfer } from './replace-transfer.ts';
import type { Target } from './step.ts';
import type { ReplaceReport } from './step-report.ts';

interface Replacement {
  readonly wanted: WantedQueue;
  /** Type of a queue that is declared without one. `undefined` if it is not known. */
  readonly defaultQueueType: string | undefined;
  /** Called before each change, with its name. A test ends the process there. */
  readonly onPoint?: (point: string) => void;
}

/** Number of attempts if other clients declare the queue with other arguments in the gap. */
const mostAttempts = 3;

/**
 * Replaces the queue, or finishes an interrupted replacement.
 * @throws MqError REFUSED if the queue has consumers, unacknowledged messages, or messages that the broker holds back, is
 * being replaced, or is full; OUTDATED if it does not exist any more; TOPOLOGY if it cannot be replaced without loss; the
 * errors of the broker; INTERRUPTED or TERMINATED at a signal
 */
export async function replaceQueue(target: Target, replacement: Replacement): Promise<ReplaceReport> {
  const { name } = replacement.wanted;
  assertShortName(name);
  const connection = await target.session.singleConnection(target.name);
  try {
    return await replaceLocked(target, connection, replacement);
  } catch (error) {
    throw withNeededNames(error, name);
  }
}

async function replaceLocked(
  target: Target,
  connection: SingleConnection,
  replacement: Replacement,
): Promise<ReplaceReport> {
  const { name } = replacement.wanted;
  if (!(await connection.lock(lockName(name))))
    throw new MqError('REFUSED', `another mq is replacing the queue '${name}'`, {
      hint: 'wait until it ends, and run mq apply again',
    });
  try {
    return await new QueueReplacement(target, connection, replacement).run();
  } finally {
    await connection.unlock(lockName(name));
  }
}

class QueueReplacement {
  readonly #target: Target;
  readonly #objects: ReplacedObjects;
  readonly #transfer: Transfer;
  readonly #replacement: Replacement;
  readonly #point: (point: string) => void;
  #gapMs: number | undefined;

  constructor(target: Target, connection: SingleConnection, replacement: Replacement) {
    const { onPoint = () => undefined } = replacement;
    this.#target = target;
    this.#objects = new ReplacedObjects(connection);
    this.#replacement = replacement;
    this.#point = onPoint;
    this.#transfer = new Transfer({ target, connection, objects: this.#objects, onPoint });
  }

  async run(): Promise<ReplaceReport> {
    const { name } = this.#replacement.wanted;
    for (let attempt = 1; ; attempt += 1) {
      const state = await readState(this.#target);
      const found = queueIn(state, name);
      const holding = queueIn(state, holdingName(name));
      if (found === undefined && holding === undefined) throw deleted(name);
      if (found !== undefined && !this.#isWanted(state)) await this.#moveOut(state, found);
      else if (holding === undefined) return this.#report();
      if (await this.#declare()) break;
      if (attempt === mostAttempts)
        throw new MqError('REFUSED', `another client declares the queue '${name}' with other arguments`, {
          hint: `stop it or change its arguments; its messages are in ${holdingName(name)}, and mq apply --replace ${name} continues`,
        });
    }
    await this.#moveBack(name);
    return this.#report();
  }

  #report(): ReplaceReport {
    const { moved, withoutUser } = this.#transfer;
    return { gapMs: this.#gapMs, moved, withoutUser };
  }

  /** Reports whether the queue is as rascal.json defines it. Throws TOPOLOGY if it may not be replaced. */
  #isWanted({ topology }: VhostState): boolean {
    const { wanted, defaultQueueType } = this.#replacement;
    const known = { ...topology, ...(defaultQueueType !== undefined && { defaultQueueType }) };
    const alone = { exchanges: [], queues: [wanted], bindings: [], policies: [], operatorPolicies: [] };
    const [difference] = compareTopology(alone, known).differences;
    if (difference?.action !== 'blocked') return difference === undefined;
    throw new MqError('TOPOLOGY', `the queue '${wanted.name}' cannot be replaced: ${difference.why}`);
  }

  /** Moves everything to the holding queue and deletes the queue. Moves everything back if that is refused. */
  async #moveOut(state: VhostState, queue: TopologyQueue): Promise<void> {
    const { wanted } = this.#replacement;
    const found = await withPolicySettings(this.#target, queue, state);
    await assertReplaceable({ ...this.#target, objects: this.#objects }, { found, wanted, state });
    const holding = await this.#transfer.hold(found, wanted, state);
    try {
      await assertKeepsMessages(this.#target, { name: found.name, holding, state });
      this.#gapMs = await this.#transfer.out(found, { state, declare: () => this.#declare() });
    } catch (error) {
      throw await this.#undone(error);
    }
  }

  async #moveBack(name: string): Promise<void> {
    try {
      await this.#transfer.back(name);
    } catch (error) {
      if (!(error instanceof MqError)) throw error;
      throw new MqError(error.code, `${error.message}; the other messages are in '${holdingName(name)}'`, {
        hint: [...(error.hint === undefined ? [] : [error.hint]), `mq apply --replace ${name} continues`].join('; '),
        cause: error,
      });
    }
  }

  /** Moves everything back to the queue, which still exists. Returns the error with what was done. */
  async #undone(error: unknown): Promise<unknown> {
    const { name } = this.#replacement.wanted;
    if (!(error instanceof MqError)) return error;
    const { code, message, hint } = error;
    const isUndone = !this.#target.signal.aborted && (await this.#isUndone(name));
    const [rest, next] = isUndone
      ? [`its messages and bindings are in '${name}' again`, hint]
      : [`its messages are in '${name}' and '${holdingName(name)}'`, `mq apply --replace ${name} continues`];
    return new MqError(code, `${message}; ${rest}`, { ...(next !== undefined && { hint: next }), cause: error });
  }

  async #isUndone(name: string): Promise<boolean> {
    try {
      await this.#transfer.back(name);
      return true;
    } catch {
      return false;
    }
  }

  /** Declares the new queue. Returns `false` if it exists with other arguments. */
  async #declare(): Promise<boolean> {
    this.#point('declare');
    try {
      await this.#objects.declareQueue(this.#replacement.wanted);
      return true;
    } catch (error) {
      if (isPrecondition(error)) return false;
      throw error;
    }
  }
}

function queueIn({ topology }: VhostState, name: string): TopologyQueue | undefined {
  return topology.queues.find((one) => one.name === name);
}
