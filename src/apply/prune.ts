// Deletes what rascal.json owns and no longer defines, without losing a message: first removes the bindings, so that no
// message arrives through an exchange, then waits until the queues are unused twice, and then deletes.

import { apiPath, query } from '../admin/path.ts';
import { refusal } from '../admin/refusal.ts';
import { escaped, MqError } from '../errors.ts';
import { interruption } from '../signal.ts';
import { pause } from '../time.ts';
import type { ChangedObject, Difference } from '../topology/difference.ts';
import { bindingText, objectText } from '../topology/object-text.ts';
import { bindingId, type TopologyBinding } from '../topology/topology.ts';
import { removeBinding } from './prune-bindings.ts';
import { type QueueUse, usesOf, useText } from './prune-use.ts';
import { isPrecondition } from './replace-objects.ts';
import type { Place, Step, Target } from './step.ts';

interface Pruned {
  readonly place: Place;
  readonly differences: readonly Difference[];
}

interface PruneSettings {
  /** `true` if the messages of deleted queues may be lost. */
  readonly dropsMessages: boolean;
  /** Milliseconds between two readings of queues. Default 1 s, and 6 s if there are quorum queues or streams. */
  readonly pauseMs?: number;
}

export interface Prune {
  readonly steps: readonly Step[];
  /**
   * Throws IN_USE if something cannot be deleted now. Changes nothing.
   */
  check(target: Target): Promise<void>;
}

/** Returns the steps for the `delete` differences of a vhost. Bindings are removed first, then exchanges and queues. */
export function pruneSteps({ place, differences }: Pruned, settings: PruneSettings): Prune {
  const deleted = differences.filter((one) => one.action === 'delete');
  const prune = new VhostPrune(deleted, settings);
  const steps = deleted.flatMap((one): Step[] => {
    const common = { action: 'delete', place, object: objectOf(one) } as const;
    if (one.kind === 'binding') return [{ ...common, stage: 'unbind', run: (target) => removeBinding(target, one) }];
    if (!isNamed(one)) return [];
    const run = (target: Target) => prune.delete(target, one);
    return [{ ...common, stage: 'delete', run, stopped: (target, error) => prune.restored(target, error) }];
  });
  return { steps, check: (target) => prune.check(target) };
}

type NamedDifference = Difference & { readonly kind: 'exchange' | 'queue' };

/** RabbitMQ 4.0.5, 4.3.6: the counts of quorum queues are up to 5 s late; those of classic queues are exact. */
const [classicPauseMs, laggingPauseMs] = [1000, 6000];

/** The deletions of a vhost. Their queues are watched at the same time, because some counts are seconds late. */
class VhostPrune {
  readonly #differences: readonly Difference[];
  readonly #settings: PruneSettings;
  readonly #left: Map<string, NamedDifference>;
  #observer: ReturnType<Target['session']['observer']> | undefined;
  #isPrepared = false;
  /** Bindings that are removed. They are made again if an object with such a binding cannot be deleted. */
  #removed: TopologyBinding[] = [];

  constructor(differences: readonly Difference[], settings: PruneSettings) {
    this.#differences = differences;
    this.#settings = settings;
    this.#left = new Map(differences.filter(isNamed).map((one) => [keyOf(one), one]));
  }

  async check(target: Target): Promise<void> {
    const known = this.#differences.flatMap((one) =>
      (one.obstacles ?? []).map((obstacle) => `${textOf(one)}: ${obstacle}`),
    );
    let uses = await this.#uses(target);
    // The last messages may be acknowledged, and the count not updated yet.
    if (known.length === 0 && !this.#settings.dropsMessages && [...uses.values()].some(isOnlyCounted)) {
      await this.#pause(target, laggingPauseMs);
      uses = await this.#uses(target);
    }
    const problems = [...known, ...this.#problems(uses)];
    this.#assertUnused(problems, `nothing was deleted, because ${counted(problems.length)} in the way`);
  }

  async delete(target: Target, one: NamedDifference): Promise<void> {
    try {
      if (!this.#isPrepared) await this.#prepare(target);
      this.#isPrepared = true;
      await this.#deleteOne(target, one);
      this.#left.delete(keyOf(one));
    } catch (error) {
      throw await this.restored(target, error);
    }
  }

  /** Removes the bindings of all objects, and waits until their queues are unused twice. */
  async #prepare(target: Target): Promise<void> {
    await this.check(target);
    const attached = [...this.#left.values()].flatMap(({ risk }) => risk?.otherBindings ?? []);
    for (const binding of new Map(attached.map((one) => [bindingId(one), one])).values()) {
      this.#removed.push(binding);
      await removeBinding(target, binding);
    }
    const first = await this.#uses(target);
    this.#assertUnused(this.#problems(first), restored);
    if (first.size === 0) return;
    const lags = [...first.values()].some(({ type }) => type !== 'classic');
    target.onProgress('waiting for the second count');
    await this.#pause(target, lags ? laggingPauseMs : classicPauseMs);
    this.#assertUnused(this.#problems(await this.#uses(target)), restored);
  }

  async #deleteOne(target: Target, { kind, name }: NamedDifference): Promise<void> {
    if (kind === 'queue') return this.#deleteQueue(target, name);
    const { api, vhost } = target;
    const path = apiPath`/exchanges/${vhost}/${name}` + query({ 'if-unused': true });
    const answer = await api.ask('DELETE', path);
    if (answer.status === 404 || (answer.status >= 200 && answer.status < 300)) return;
    if (answer.status === 400) this.#assertUnused([inUseAgain(kind, name)], restored);
    throw refusal(answer, { method: 'DELETE', path, api });
  }

  /** Deletes a queue over AMQP, because the answer has the number of lost messages. */
  async #deleteQueue(target: Target, name: string): Promise<void> {
    const use = (await this.#uses(target, [name])).get(name);
    if (use === undefined) return;
    this.#assertUnused(this.#problems(new Map([[name, use]])), restored);
    const { dropsMessages } = this.#settings;
    // RabbitMQ: a quorum queue refuses the conditions (540), and a stream ignores them.
    const conditions = use.type === 'classic' ? { ifUnused: true, ifEmpty: !dropsMessages } : {};
    try {
      const ready = await (await target.declarer()).deleteQueue(name, conditions);
      // RabbitMQ: the answer for a stream has no count.
      const lost = use.type === 'stream' ? (use.messages ?? 0) : ready + use.unacknowledged + use.heldBack;
      if (dropsMessages || lost > 0) target.onResult({ lost });
    } catch (error) {
      if (isPrecondition(error)) this.#assertUnused([inUseAgain('queue', name)], restored);
      throw error;
    }
  }

  /** Makes the bindings of the objects again that are not deleted. Returns the error, with the bindings that are missing. */
  async restored(target: Target, error: unknown): Promise<unknown> {
    const deleted = new Set(
      this.#differences
        .filter(isNamed)
        .map(keyOf)
        .filter((key) => !this.#left.has(key)),
    );
    const isLeft = ({ source, destination, destinationType }: TopologyBinding) =>
      !deleted.has(`exchange ${source}`) && !deleted.has(`${destinationType} ${destination}`);
    this.#isPrepared = false;
    const missing: string[] = [];
    for (const binding of this.#removed.splice(0).filter(isLeft)) {
      const text = `binding ${bindingText(binding, escaped)}: removed, and not restored`;
      // RabbitMQ 4.3.6: the management API answers 500 to an argument without a value.
      await bound(target, binding).catch(() => missing.push(text));
    }
    if (missing.length === 0 || !(error instanceof MqError)) return error;
    const { code, message, problems, hint } = error;
    return new MqError(code, message, {
      problems: [...problems, ...missing],
      ...(hint !== undefined && { hint }),
      cause: error,
    });
  }

  async #uses(target: Target, names = this.#queues): Promise<Map<string, QueueUse>> {
    this.#observer ??= target.session.observer(target.name);
    const observer = await this.#observer;
    return usesOf({ ...target, depths: (queues) => observer.depths(queues) }, names);
  }

  get #queues(): string[] {
    return [...this.#left.values()].flatMap(({ kind, name }) => (kind === 'queue' ? [name] : []));
  }

  #problems(uses: ReadonlyMap<string, QueueUse>): string[] {
    return [...uses].flatMap(([name, use]) => {
      const text = useText(use, this.#settings);
      return text === undefined ? [] : [`queue ${escaped(name)}: ${text}`];
    });
  }

  #assertUnused(problems: readonly string[], result: string): void {
    if (problems.length === 0) return;
    throw new MqError('IN_USE', result, {
      problems,
      hint: this.#settings.dropsMessages
        ? 'messages may be lost, but consumers and other objects are in the way'
        : hint,
    });
  }

  /** Waits. Throws INTERRUPTED or TERMINATED at a signal. */
  async #pause({ signal }: Target, milliseconds: number): Promise<void> {
    await pause(this.#settings.pauseMs ?? milliseconds, { signal });
    if (signal.aborted) throw interruption(signal, 'stopped while the queues were watched');
  }
}

const hint =
  'run it again when queues have no messages and consumers, or define the objects in rascal.json again; --drop-messages loses messages';
const restored = 'it is in use; its bindings were restored';

function inUseAgain(kind: 'exchange' | 'queue', name: string): string {
  return `${kind} ${escaped(name)}: it is in use again`;
}

async function bound({ declarer }: Target, binding: TopologyBinding): Promise<void> {
  await (await declarer()).bind(binding);
}

function counted(problems: number): string {
  return problems === 1 ? '1 thing is' : `${problems} things are`;
}

function isNamed(one: Difference): one is NamedDifference {
  return one.kind === 'exchange' || one.kind === 'queue';
}

/** Reports whether only a count that may be late keeps the queue from being deleted. */
function isOnlyCounted({ type, messages = 0, consumers }: QueueUse): boolean {
  return type !== 'classic' && consumers === 0 && messages > 0;
}

function keyOf({ kind, name }: NamedDifference): string {
  return `${kind} ${name}`;
}

function textOf(one: Difference): string {
  return objectText(one, escaped);
}

/** Returns the object without the other fields of the difference. */
function objectOf(one: Difference): ChangedObject {
  if (one.kind !== 'binding') return { kind: one.kind, name: one.name };
  const { kind, source, destination, destinationType, key, arguments: all } = one;
  return { kind, source, destination, destinationType, key, arguments: all };
}
