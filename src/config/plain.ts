// Reading plain values whose shape is not known yet.

export type Plain = Readonly<Record<string, unknown>>;

/** The value if it is an object, else an empty one. */
export function objectOf(value: unknown): Plain {
  return isObject(value) ? value : {};
}

export function isObject(value: unknown): value is Plain {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function stringOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** One or a list → a list; undefined → none. */
export function listOf(value: unknown): readonly unknown[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}

/** Without prototype: a name such as `constructor` finds only what was put there. */
export function dictionary<Value>(entries: Iterable<readonly [string, Value]>): Record<string, Value> {
  const result: Record<string, Value> = Object.create(null);
  for (const [key, value] of entries) result[key] = value;
  return result;
}

/** The object without the keys. */
export function without(object: Plain, keys: readonly string[]): Plain {
  return Object.fromEntries(Object.entries(object).filter(([key]) => !keys.includes(key)));
}

/** The object with what it lacks taken from the defaults, at every depth. Lists are taken whole. */
export function withDefaults(object: Plain, defaults: Plain): Plain {
  const result: Record<string, unknown> = { ...defaults, ...object };
  for (const [key, value] of Object.entries(object)) {
    const fallback = Object.hasOwn(defaults, key) ? defaults[key] : undefined;
    if (isObject(value) && isObject(fallback)) result[key] = withDefaults(value, fallback);
  }
  return result;
}

/** One item of a collection that is a list (of names or objects with a name) or an object by name. */
export interface Member {
  readonly key: string | number;
  readonly name: string | undefined;
  readonly value: Plain;
}

/** The members of exchanges, queues or bindings, in whichever form they are written. */
export function membersOf(collection: unknown): Member[] {
  if (!Array.isArray(collection)) {
    return Object.entries(objectOf(collection)).map(([key, value]) => ({ key, name: key, value: objectOf(value) }));
  }
  return collection.map((value: unknown, key) => ({
    key,
    name: typeof value === 'string' ? value : stringOf(objectOf(value)['name']),
    value: objectOf(value),
  }));
}

/** The object with only those of the keys that it has. */
export function pick(object: Plain, keys: readonly string[]): Plain {
  return Object.fromEntries(keys.filter((key) => object[key] !== undefined).map((key) => [key, object[key]]));
}
