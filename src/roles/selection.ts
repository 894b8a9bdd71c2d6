// Selects messages of a queue by id, by content, and by count.

import { MqError } from '../errors.ts';
import type { RawMessage } from '../session/wire.ts';
import { deadLetterOf } from './dead-letters/dead-letter.ts';

/** The action of a command on the selected dead letters. */
export type DlqVerb = 'list' | 'show' | 'replay' | 'move' | 'edit' | 'purge';

export interface Selection {
  /** Message ids, of which one must match. If empty, every message matches. */
  readonly ids: readonly string[];
  /**
   * Filters, which must all match. `NAME=VALUE` compares a header, `key`, `exchange` or `queue`; `reason=TEXT` must
   * occur in the reason. Other text must occur in the body or the reason.
   */
  readonly filters: readonly string[];
  /** Maximum number of messages. */
  readonly count: number | undefined;
}

/** Values of a message that `NAME=VALUE` compares, other than headers. A missing value equals nothing. */
export type Facts = Readonly<Record<string, string | undefined>>;

/** Returns the values of a dead letter: those of its first publish and of its failure. */
export function letterFacts(raw: RawMessage): Facts {
  const { reason, exchange, routingKey: key, queue } = deadLetterOf(raw);
  return { reason, key, exchange, queue };
}

/** Returns the values of a message that is no dead letter: those of its delivery. */
export function messageFacts({ fields: { exchange, routingKey: key } }: Pick<RawMessage, 'fields'>): Facts {
  return { exchange, key };
}

export function isSelected(raw: RawMessage, { ids, filters }: Selection, factsOf = letterFacts): boolean {
  if (ids.length > 0 && !ids.includes(raw.properties.messageId ?? '')) return false;
  return filters.length === 0 || isFiltered(raw, filters, factsOf(raw));
}

/** Reports whether a message matches all filters. */
export function isFiltered(raw: RawMessage, filters: readonly string[], facts: Facts): boolean {
  return filters.every((filter) => matches(raw, filter, facts));
}

function matches(raw: RawMessage, filter: string, facts: Facts): boolean {
  const reason = facts['reason'] ?? '';
  const at = filter.indexOf('=');
  if (at < 1) return reason.includes(filter) || raw.content.includes(filter);
  const [name, value] = [filter.slice(0, at), filter.slice(at + 1)];
  const isHeader = Object.hasOwn(raw.properties.headers ?? {}, name);
  if (name === 'reason' && !isHeader) return reason.includes(value);
  return fieldOf(raw, name, facts) === value;
}

/** Returns the value of a header, or of one of the facts if there is no such header. */
export function fieldOf({ properties: { headers = {} } }: RawMessage, name: string, facts: Facts): string | undefined {
  if (Object.hasOwn(headers, name)) return textOf(headers[name]);
  return Object.hasOwn(facts, name) ? facts[name] : undefined;
}

function textOf(value: unknown): string {
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value);
}

/** Collects the ids that begin with the given prefixes. */
export class Prefixes {
  readonly #found: ReadonlyMap<string, Set<string>>;

  constructor(prefixes: readonly string[]) {
    this.#found = new Map(prefixes.map((prefix) => [prefix, new Set()]));
  }

  add(id: string | undefined): void {
    if (id === undefined) return;
    for (const [prefix, ids] of this.#found) {
      if (id === prefix || (id.startsWith(prefix) && ids.size < mostShown)) ids.add(id);
    }
  }

  /**
   * Returns one id for each prefix: an exact match, or the only id with the prefix. A prefix without a match is
   * returned unchanged.
   * @throws {MqError} USAGE if several ids have the prefix
   */
  ids(): string[] {
    return [...this.#found].map(([prefix, ids]) => {
      const [first = prefix, ...others] = ids;
      if (ids.has(prefix) || others.length === 0) return ids.has(prefix) ? prefix : first;
      throw new MqError('USAGE', `several ids begin with '${prefix}': ${[...ids].join(', ')}`, {
        hint: 'type more characters of the id',
      });
    });
  }
}

const mostShown = 5;
