// Makes random JSON Schemas, small changes of them, and values that may match them.

import type { Random } from './random.ts';

export type RandomSchema = Record<string, unknown> | boolean;

const names = ['a', 'b', 'x-c', 'd'];
const types = ['object', 'array', 'string', 'integer', 'number', 'null', 'boolean'] as const;
type Type = (typeof types)[number];

/** Values near the limits of the schemas. */
const plainValues: readonly unknown[] = [
  ...[null, true, false, 0, 1, 2, 3, -1, 1.5, 4, '', 'a', 'ab', 'abc', 'b'],
  ...[[], [1], ['a'], [1, 1], ['a', 'b', 1], {}, { a: 1 }, { a: 'a' }, { b: null }, { a: 1, b: 'ab' }],
  ...[{ 'x-c': 1 }, { a: { a: 1 } }, { a: [1, 'a'] }, { d: 1, a: 'b' }],
];

/** Returns a value that has at most `depth` levels more than the plain ones. */
export function randomValue(random: Random, depth: number): unknown {
  if (depth === 0 || random.chance(0.5)) return random.pick(plainValues);
  if (random.chance(0.4)) return Array.from({ length: random.below(4) }, () => randomValue(random, depth - 1));
  const kept = names.filter(() => random.chance(0.4));
  return Object.fromEntries(kept.map((name) => [name, randomValue(random, depth - 1)]));
}

/** Returns a schema with definitions to which its references lead. */
export function randomDocument(random: Random): RandomSchema {
  const schema = randomSchema(random, random.pick([0, 0, 1, 1, 2]));
  if (typeof schema === 'boolean') return schema;
  const definition = randomSchema(random, 1);
  if (typeof definition === 'object') delete definition['$ref'];
  return { ...schema, $defs: { r: definition } };
}

/** Returns a copy of a schema in which one keyword was removed, or replaced or added. */
export function changedSchema(random: Random, schema: RandomSchema): RandomSchema {
  if (typeof schema === 'boolean') return randomSchema(random, 1);
  const copy = structuredClone(schema);
  const node = random.chance(0.5) ? copy : random.pick(nodesIn(copy));
  const keywords = Object.keys(node).filter((keyword) => keyword !== '$defs' && keyword !== 'r');
  if (random.chance(0.3) && keywords.length > 0) {
    delete node[random.pick(keywords)];
    return copy;
  }
  const type = types.find((one) => node['type'] === one) ?? random.pick(types);
  const maker = new Maker(random, 1);
  const schemas = Array.from({ length: 8 }, () => ({ ...limits[type](maker), ...branches(maker) }));
  const added = Object.entries(Object.assign({}, ...schemas, randomSchema(random, 1)));
  if (added.length > 0) Object.assign(node, Object.fromEntries([random.pick(added)]));
  return copy;
}

/** Returns the objects in a schema, except those that are values. */
function nodesIn(value: unknown): Record<string, unknown>[] {
  if (typeof value !== 'object' || value === null) return [];
  const own = Array.isArray(value) ? [] : [value as Record<string, unknown>];
  const inner = Object.entries(value).filter(([keyword]) => !['enum', 'const', 'dependentRequired'].includes(keyword));
  return [...own, ...inner.flatMap(([, child]) => nodesIn(child))];
}

function randomSchema(random: Random, depth: number): RandomSchema {
  if (random.chance(0.05)) return random.pick([true, false, {}]);
  if (random.chance(0.08)) return { enum: [1, 2, 3].map(() => random.pick(plainValues)) };
  if (random.chance(0.04)) return { const: random.pick(plainValues) };
  const first = random.pick(depth > 0 ? ['object' as const, 'array' as const, ...types] : types);
  const other = random.pick(types.filter((type) => type !== first));
  const chosen = random.chance(0.25) ? [first, other] : [first];
  return {
    ...(random.chance(0.7) && { type: chosen.length === 1 ? first : chosen }),
    ...Object.assign({}, ...chosen.map((type) => limits[type](new Maker(random, depth)))),
    ...(depth > 0 && branches(new Maker(random, depth))),
  };
}

/** Makes the keywords of a schema. */
class Maker {
  readonly random: Random;
  readonly #depth: number;

  constructor(random: Random, depth: number) {
    this.random = random;
    this.#depth = depth;
  }

  get isDeep(): boolean {
    return this.#depth > 0;
  }

  /** Returns a schema inside this one. */
  inner(): RandomSchema {
    return randomSchema(this.random, this.#depth - 1);
  }

  inners(): RandomSchema[] {
    return this.random.chance(0.5) ? [this.inner()] : [this.inner(), this.inner()];
  }

  /** Returns a keyword with this probability, and otherwise nothing. */
  maybe(probability: number, keyword: string, value: () => unknown): Record<string, unknown> {
    return this.random.chance(probability) ? { [keyword]: value() } : {};
  }

  /** Returns one of the keywords with a small number. */
  limit(probability: number, keywords: readonly string[]): Record<string, unknown> {
    return this.maybe(probability, this.random.pick(keywords), () => this.random.below(4));
  }
}

type Make = (maker: Maker) => Record<string, unknown>;

const none: Make = () => ({});
const ofNumber: Make = (maker) => ({
  ...maker.limit(0.4, ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum']),
  ...maker.limit(0.2, ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum']),
  ...maker.maybe(0.15, 'multipleOf', () => maker.random.pick([1, 2, 0.5])),
});

const limits: Readonly<Record<Type, Make>> = {
  ...{ null: none, boolean: none, integer: ofNumber, number: ofNumber },
  string: (maker) => ({
    ...maker.limit(0.4, ['minLength', 'maxLength']),
    ...maker.maybe(0.15, 'pattern', () => maker.random.pick(['a', '^a', 'b$'])),
  }),
  array: (maker) => ({
    ...maker.limit(0.2, ['minItems', 'maxItems']),
    ...maker.maybe(0.1, 'uniqueItems', () => true),
    ...(maker.isDeep && {
      ...maker.maybe(0.3, 'prefixItems', () => maker.inners()),
      ...maker.maybe(0.4, 'items', () => (maker.random.chance(0.3) ? false : maker.inner())),
      ...maker.maybe(0.1, 'unevaluatedItems', () => maker.inner()),
      ...maker.maybe(0.15, 'contains', () => maker.inner()),
      ...maker.limit(0.05, ['minContains', 'maxContains']),
    }),
  }),
  object: (maker) => ({
    ...maker.limit(0.15, ['minProperties', 'maxProperties']),
    ...maker.maybe(0.3, 'required', () => [maker.random.pick(names)]),
    ...maker.maybe(0.1, 'dependentRequired', () => ({ [maker.random.pick(names)]: [maker.random.pick(names)] })),
    ...(maker.isDeep && properties(maker)),
  }),
};

function properties(maker: Maker): Record<string, unknown> {
  const { random } = maker;
  const named = names.filter(() => random.chance(0.4)).map((name) => [name, maker.inner()]);
  const ofNames = [{ maxLength: 1 }, { pattern: '^a' }, { enum: ['a', 'b'] }, { minLength: 2 }];
  return {
    ...maker.maybe(0.7, 'properties', () => Object.fromEntries(named)),
    ...maker.maybe(0.15, 'patternProperties', () => ({ [random.pick(['^x-', 'a', '^d'])]: maker.inner() })),
    ...maker.maybe(0.25, 'additionalProperties', () => (random.chance(0.5) ? false : maker.inner())),
    ...maker.maybe(0.12, 'unevaluatedProperties', () => (random.chance(0.6) ? false : maker.inner())),
    ...maker.maybe(0.1, 'propertyNames', () => random.pick(ofNames)),
    ...maker.maybe(0.06, 'dependentSchemas', () => ({ [random.pick(names)]: maker.inner() })),
  };
}

function branches(maker: Maker): Record<string, unknown> {
  return {
    ...maker.maybe(0.1, 'anyOf', () => [maker.inner(), maker.inner()]),
    ...maker.maybe(0.07, 'oneOf', () => [maker.inner(), maker.inner()]),
    ...maker.maybe(0.1, 'allOf', () => maker.inners()),
    ...maker.maybe(0.05, 'not', () => maker.inner()),
    ...maker.maybe(0.06, 'if', () => maker.inner()),
    ...maker.maybe(0.05, 'then', () => maker.inner()),
    ...maker.maybe(0.04, 'else', () => maker.inner()),
    ...maker.maybe(0.1, '$ref', () => '#/$defs/r'),
  };
}
