// Reads plain values whose shape is not known yet.

export type Plain = Readonly<Record<string, unknown>>;

/** Returns the value if it is an object, otherwise an empty object. */
export function objectOf(value: unknown): Plain {
  return isObject(value) ? value : {};
}

export function isObject(value: unknown): value is Plain {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function stringOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** Returns a list as it is, a single value as a list of one, and an empty list for `undefined`. */
export function listOf(value: unknown): readonly unknown[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}

/** Returns an object without a prototype, so that a name such as `constructor` finds only what was added. */
export function dictionary<Value>(entries: Iterable<readonly [string, Value]>): Record<string, Value> {
  const result: Record<string, Value> = Object.create(null);
  for (const [key, value] of entries) result[key] = value;
  return result;
}

/** Returns the object without the keys. */
export function without(object: Plain, keys: readonly string[]): Plain {
  return Object.fromEntries(Object.entries(object).filter(([key]) => !keys.includes(key)));
}

/** Returns the object with missing keys added from the defaults, at every depth. Lists are not merged. */
export function withDefaults<Item extends object>(object: Item, defaults: Plain): Item {
  const merged = Object.entries(object).flatMap(([key, value]) => {
    const fallback = Object.hasOwn(defaults, key) ? defaults[key] : undefined;
    return isObject(value) && isObject(fallback) ? [[key, withDefaults(value, fallback)]] : [];
  });
  return { ...defaults, ...object, ...Object.fromEntries(merged) };
}

/**
 * A member of a collection. A collection is a list of names, a list of objects with a name, or an object whose keys are
 * the names.
 */
interface Member {
  readonly key: string | number;
  readonly name: string | undefined;
  readonly value: Plain;
}

/** Returns the members of a collection of exchanges, queues or bindings in any of the forms of a collection. */
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

/** Returns the object with only the given keys, if they are set. */
export function pick(object: Plain, keys: readonly string[]): Plain {
  return Object.fromEntries(keys.filter((key) => object[key] !== undefined).map((key) => [key, object[key]]));
}
