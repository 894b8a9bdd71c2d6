// Decides whether a tap may be bound to an exchange, and which messages the tap would affect.

import { isDeepStrictEqual } from 'node:util';
import type { TapSource } from './tap-queue.ts';
import { covers } from './topic-pattern.ts';

/** The known facts of an exchange. A field is `undefined` if it could not be read. */
export interface ExchangeFacts {
  readonly name: string;
  readonly type: string | undefined;
  readonly isAutoDelete: boolean | undefined;
  /** Name of the alternate exchange; `null` if it has no alternate exchange. */
  readonly alternate: string | null | undefined;
  readonly bindings: readonly ExchangeBinding[] | undefined;
  /** Facts that could not be read, in words, and the reason. */
  readonly unread?: string;
}

/** A binding from the exchange. */
export interface ExchangeBinding {
  readonly key: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  /** `false` if it leads to an exchange, which may have no queue. */
  readonly isToQueue: boolean;
}

export interface TapVerdict {
  readonly sources: readonly TapSource[];
  /** Reason why the exchange must not be tapped. */
  readonly refusal: string | undefined;
  /** Effects of the tap on the other clients, one sentence each. */
  readonly warnings: readonly string[];
}

/** RabbitMQ: types that route each message to only one of their bindings. */
const dividing: readonly string[] = ['x-consistent-hash', 'x-random', 'x-modulus-hash', 'x-local-random'];
/** Types for which a binding has no effect on the messages of other bindings. */
const copying: readonly string[] = ['direct', 'fanout', 'topic', 'headers'];

/**
 * Returns the bindings of a tap with their effects.
 * @param keys routing keys or patterns. If absent, the tap receives all messages; a direct exchange has no wildcard, so
 * the tap receives those with the keys of the other bindings.
 */
export function tapVerdict(facts: ExchangeFacts, keys: readonly string[] | undefined): TapVerdict {
  const { name, type } = facts;
  const refused = (refusal: string): TapVerdict => ({ sources: [], refusal, warnings: [] });
  if (name === '') return refused('no queue can be bound to the default exchange; only --firehose shows its messages');
  if (type !== undefined && dividing.includes(type))
    return refused(`the exchange '${name}' (${type}) sends a message to only one binding: a tap would take messages`);
  const sources = sourcesOf(facts, keys);
  if (sources.length === 0)
    return refused(`the direct exchange '${name}' has no wildcard and no binding: add a key, as in ${name}:KEY`);
  return { sources, refusal: undefined, warnings: warningsOf(facts, sources) };
}

function sourcesOf({ name, type, bindings }: ExchangeFacts, keys: readonly string[] | undefined): TapSource[] {
  const wanted =
    keys ??
    (type === 'direct'
      ? [...new Set(bindings?.map(({ key }) => key))]
      : [type === 'topic' || type === undefined ? '#' : '']);
  // RabbitMQ: a headers binding without headers matches every message.
  const all = type === 'headers' ? { 'x-match': 'all' } : {};
  return wanted.map((bindingKey) => ({ exchange: name, bindingKey, arguments: all }));
}

function warningsOf(facts: ExchangeFacts, sources: readonly TapSource[]): string[] {
  const { name, type, isAutoDelete, alternate, bindings, unread } = facts;
  const isCovered = sources.every((source) => bindings?.some((binding) => isCoveredBy(source, binding, type)));
  const alone = `messages to '${name}' that no other queue receives`;
  return [
    ...(type === undefined || copying.includes(type)
      ? []
      : [`mq does not know the exchange type ${type} of '${name}': the tap may take messages from its queues`]),
    ...(isCovered || alternate !== null ? [] : [`${alone} count as routed: they are not returned to their publishers`]),
    ...(isCovered || typeof alternate !== 'string'
      ? []
      : [`${alone} do not go to its alternate exchange '${alternate}'`]),
    ...(isCovered || alternate !== undefined
      ? []
      : [`${alone} count as routed: they are not returned, and go to no alternate exchange`]),
    ...(isAutoDelete === true && !bindings?.length
      ? [`the auto-delete exchange '${name}' has no other binding that mq sees: it may disappear when the tap ends`]
      : []),
    ...(unread === undefined ? [] : [`mq could not check ${unread} of '${name}'`]),
  ];
}

/** Reports whether each message of the tap also reaches the queue of the binding. */
function isCoveredBy(
  { bindingKey, arguments: own }: TapSource,
  { key, arguments: all, isToQueue }: ExchangeBinding,
  type: string | undefined,
): boolean {
  if (!isToQueue) return false;
  switch (type) {
    case 'fanout':
      return true;
    case 'direct':
      return key === bindingKey;
    case 'topic':
      return covers(key, bindingKey);
    case 'headers':
      return isDeepStrictEqual({ 'x-match': 'all', ...all }, { ...own });
    default:
      return false;
  }
}
