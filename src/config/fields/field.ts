// Describes the fields of rascal.json as data. The checks and the JSON Schema are generated from it.

export type Kind = 'string' | 'digits' | 'integer' | 'number' | 'boolean' | 'array' | 'object';

/** One field. As in JSON Schema, each constraint applies to one kind of value and is ignored for the others. */
export interface Field {
  /** Accepted kinds of value. `digits` is a whole number in a string. An empty list accepts any value. */
  readonly is: readonly Kind[];
  readonly description: string;
  /** Name of its definition in the JSON Schema, for a field that is used more than once. */
  readonly definition?: string;
  /** Accepted strings. */
  readonly values?: readonly string[];
  /** Strings with this prefix are accepted in addition to `values`. */
  readonly prefix?: string;
  /** Maximum length of the string, in bytes of UTF-8. */
  readonly maxBytes?: number;
  /** The string and the keys have no line break. RabbitMQ 4.3.6 removes it from the name of an exchange or queue. */
  readonly oneLine?: true;
  /** The value must never be shown. */
  readonly secret?: true;
  /** The value is a broker address. */
  readonly url?: true;
  /** Returns why a string is not valid. */
  readonly fault?: (text: string) => string | undefined;
  /** The value is a duration: a whole number of this unit, or a string with its own unit ("30s"). */
  readonly unit?: 'ms' | 's';
  readonly min?: number;
  readonly max?: number;
  readonly items?: Field;
  readonly minItems?: number;
  /** Known keys. Without `entries` and `open`, any other key is a problem. */
  readonly fields?: Fields;
  /** Field for every other key. */
  readonly entries?: Field;
  /** Any other key is accepted without checks. */
  readonly open?: true;
  readonly required?: readonly string[];
  /** Maximum length of a key, in bytes of UTF-8. */
  readonly keyBytes?: number;
}

export type Fields = Readonly<Record<string, Field>>;
type Facets = Omit<Partial<Field>, 'description'>;

/** Returns a string field. */
export function text(description: string, facets: Facets = {}): Field {
  return { is: ['string'], description, ...facets };
}

/**
 * Returns a field for a name or key that is sent to the broker. AMQP 0-9-1 specification, 4.2.5.3: a short string has
 * at most 255 bytes.
 */
export function name(description: string, facets: Facets = {}): Field {
  return text(description, { maxBytes: 255, ...facets });
}

export function choice(description: string, values: readonly string[], facets: Facets = {}): Field {
  return text(description, { values, ...facets });
}

export function flag(description: string): Field {
  return { is: ['boolean'], description };
}

/** Returns a field for a whole number of at least 0, or of at least `min`. */
export function whole(description: string, facets: Facets = {}): Field {
  return { is: ['integer'], description, min: 0, ...facets };
}

// RabbitMQ stores times as 32-bit numbers of milliseconds.
const longestMs = 4_294_967_295;

export function milliseconds(description: string, min = 0): Field {
  return whole(`${description}, in milliseconds, or with a unit ("30s")`, { min, max: longestMs, unit: 'ms' });
}

/** Returns a field for an object with known keys. */
export function group(description: string, fields: Fields, facets: Facets = {}): Field {
  return { is: ['object'], description, fields, ...facets };
}

/** Returns a field for an object whose keys are names. */
export function keyed(description: string, entries: Field, facets: Facets = {}): Field {
  return { is: ['object'], description, entries, ...facets };
}

/** Returns a field for an object whose content mq does not check. */
export function free(description: string): Field {
  return { is: ['object'], description };
}

export function anything(description: string): Field {
  return { is: [], description };
}
