// The expected contents of a store. A change that is not committed may be on disk or not, so that each object has several
// possible values.

import type { Store } from '../../src/broker/store/contract.ts';

/** The value of an object: `undefined` if it does not exist. */
type Value = string | undefined;

interface Version {
  readonly change: number;
  readonly value: Value;
}

/** The messages of one stream. */
export interface StreamModel {
  /** By offset. */
  readonly bodies: string[];
  /** The offset before which everything may be deleted. */
  first: number;
  /** Every record before this offset is on disk. */
  committedEnd: number;
}

export class StoreModel {
  #versions = new Map<string, Version[]>();
  /** Objects with more than one possible value. */
  readonly #open = new Set<string>();
  readonly streams = new Map<string, StreamModel>();
  #change = 0;

  /** Records a change of an object. */
  set(name: string, value: Value): void {
    const versions = this.#versions.get(name) ?? [{ change: 0, value: undefined }];
    versions.push({ change: ++this.#change, value });
    this.#versions.set(name, versions);
    this.#open.add(name);
  }

  /** Returns the newest value of an object. */
  get(name: string): Value {
    return this.#versions.get(name)?.at(-1)?.value;
  }

  /** Returns the objects that exist and whose name has this start. */
  names(start: string): string[] {
    return [...this.#versions.keys()].filter((name) => name.startsWith(start) && this.get(name) !== undefined);
  }

  /** Returns a function that records that everything until now is on disk. */
  commit(): () => void {
    const change = this.#change;
    const ends = Array.from(this.streams.values(), (stream) => ({ stream, end: stream.bodies.length }));
    return () => {
      for (const { stream, end } of ends) stream.committedEnd = Math.max(stream.committedEnd, end);
      for (const name of this.#open) {
        const versions = this.#versions.get(name) ?? [];
        const first = versions.findLastIndex((version) => version.change <= change);
        if (first > 0) versions.splice(0, first);
        if (versions.length === 1) this.#open.delete(name);
      }
    };
  }

  /**
   * Compares the recovered contents with the possible ones, and returns the problems. Expects exactly these contents from
   * now on, because recovery makes them durable.
   */
  recover(recovered: Store['recovered']): string[] {
    const found = valuesOf(recovered);
    const problems: string[] = [];
    for (const name of new Set([...this.#versions.keys(), ...found.keys()])) {
      const possible = (this.#versions.get(name) ?? [{ value: undefined }]).map(({ value }) => value);
      const value = found.get(name);
      if (!possible.includes(value))
        problems.push(`${name} is ${shown(value)}, and not ${possible.map(shown).join(' or ')}`);
    }
    this.#versions = new Map(Array.from(found, ([name, value]) => [name, [{ change: 0, value }]]));
    this.#open.clear();
    return problems;
  }
}

function shown(value: Value): string {
  return value === undefined ? 'absent' : value.replaceAll(/x+/g, 'x');
}

export function messageName(queue: string, id: number): string {
  return `message ${queue} ${id}`;
}

export function messageValue(body: string, { acquired, failed }: { acquired: number; failed: number }): string {
  return `${body} ${acquired} ${failed}`;
}

/** Returns the value of each object. A message that is twice in a queue has two values in one text. */
function valuesOf({ definitions, entries }: Store['recovered']): Map<string, string> {
  const values = new Map(definitions.map(({ kind, key, value }) => [`${kind} ${key}`, JSON.stringify(value)]));
  for (const { queue, message, returns } of entries) {
    const name = messageName(queue, message.id);
    const { acquiredCount: acquired, deliveryCount: failed } = returns;
    const value = messageValue(message.content.toString(), { acquired, failed });
    const other = values.get(name);
    values.set(name, other === undefined ? value : `${other} and ${value}`);
  }
  return values;
}
