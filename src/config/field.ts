// What a field of rascal.json can be: data that the checks and the JSON Schema are made from.

export type Kind = 'string' | 'digits' | 'integer' | 'number' | 'boolean' | 'array' | 'object';

/** One field. A facet says something about one kind of value only, as in JSON Schema. */
export interface Field {
  /** The kinds of value it takes; `digits` is a whole number written as a string. Empty: anything. */
  readonly is: readonly Kind[];
  readonly description: string;
  /** Its name among the definitions of the JSON Schema, where it is used more than once. */
  readonly definition?: string;
  /** The strings it takes. */
  readonly values?: readonly string[];
  /** Strings with this beginning are taken beside `values`. */
  readonly prefix?: string;
  /** Longest string, in bytes of UTF-8. */
  readonly maxBytes?: number;
  /** Its value must never be shown. */
  readonly secret?: true;
  /** A broker's address. */
  readonly url?: true;
  /** It is a duration: a whole number of this unit, or a string with a unit of its own ("30s"). */
  readonly unit?: 'ms' | 's';
  readonly min?: number;
  readonly max?: number;
  readonly items?: Field;
  readonly minItems?: number;
  /** Known keys. Without `entries` and `open`, any other key is a problem. */
  readonly fields?: Fields;
  /** Every other key. */
  readonly entries?: Field;
  /** Any other key is taken as it is. */
  readonly open?: true;
  readonly required?: readonly string[];
  /** Longest key, in bytes of UTF-8. */
  readonly keyBytes?: number;
}

export type Fields = Readonly<Record<string, Field>>;
type Facets = Omit<Partial<Field>, 'description'>;

/** A string. */
export function text(description: string, facets: Facets = {}): Field {
  return { is: ['string'], description, ...facets };
}

/** A name or key that goes over the wire. AMQP 0-9-1, 4.2.5.3: a short string has at most 255 bytes. */
export function name(description: string, facets: Facets = {}): Field {
  return text(description, { maxBytes: 255, ...facets });
}

export function choice(description: string, values: readonly string[], facets: Facets = {}): Field {
  return text(description, { values, ...facets });
}

export function flag(description: string): Field {
  return { is: ['boolean'], description };
}

/** A whole number, not negative unless `min` says so. */
export function whole(description: string, facets: Facets = {}): Field {
  return { is: ['integer'], description, min: 0, ...facets };
}

// RabbitMQ: times are 32-bit milliseconds.
const longestMs = 4_294_967_295;

export function milliseconds(description: string, min = 0): Field {
  return whole(`${description}, in milliseconds, or with a unit ("30s")`, { min, max: longestMs, unit: 'ms' });
}

/** An object with known keys. */
export function group(description: string, fields: Fields, facets: Facets = {}): Field {
  return { is: ['object'], description, fields, ...facets };
}

/** An object whose keys are names. */
export function keyed(description: string, entries: Field, facets: Facets = {}): Field {
  return { is: ['object'], description, entries, ...facets };
}

/** An object whose content mq does not judge. */
export function free(description: string): Field {
  return { is: ['object'], description };
}

export function anything(description: string): Field {
  return { is: [], description };
}
