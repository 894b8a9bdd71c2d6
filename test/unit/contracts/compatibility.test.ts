// Tests the comparison of an old and a new schema. A publication and a subscription with exchanged schemas have the same
// values in their findings, so most rows are written once: `wide` accepts more than `narrow`.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compare } from '../../../src/contracts/compatibility.ts';
import { type SchemaNode, schemaTree } from '../../../src/contracts/schema-node.ts';

function tree(file: string, content: unknown): SchemaNode {
  return schemaTree({ file, content, uri: `file:///${file}` });
}

/** Returns what a new schema refuses, as `pointer: message` without the end of the message. */
function refusals(older: unknown, newer: unknown): string[] {
  const found = compare(tree('old.json', older), tree('new.json', newer), 'subscription');
  return found.map(({ code, pointer, message }) => {
    const text = message.replace(/^refuses (.*), which the old schema accepts$/, '$1');
    return `${code === 'incompatible' ? '' : 'cannot compare '}${pointer}: ${text}`;
  });
}

const order = {
  type: 'object',
  required: ['id'],
  properties: { id: { type: 'integer' }, note: { type: 'string' } },
};

interface Row {
  readonly title: string;
  readonly wide: unknown;
  readonly narrow: unknown;
  /** Findings for a subscription whose old schema is the wide one. */
  readonly refused: readonly string[];
  /** Findings of the other direction. Default none. */
  readonly back?: readonly string[];
}

const object = (properties: object, more: object = {}) => ({ type: 'object', properties, ...more });
const at = (schema: unknown) => object({ a: schema });

const rows: readonly Row[] = [
  {
    title: 'a required property',
    wide: order,
    narrow: { ...order, required: ['id', 'note'] },
    refused: ['/required: objects without "note"'],
  },
  {
    title: 'a property of an open object',
    wide: object({}),
    narrow: at({ type: 'string' }),
    refused: [
      '/properties/a/type: refuses values of other types than string at /a, which the old schema accepts; the old object is open: close it first, or accept this if no old message has the property',
    ],
  },
  {
    title: 'a closed object',
    wide: order,
    narrow: { ...order, additionalProperties: false },
    refused: ['/additionalProperties: objects with other properties'],
  },
  {
    title: 'a property fewer in a closed object',
    wide: { ...order, additionalProperties: false },
    narrow: object({ id: { type: 'integer' } }, { required: ['id'], additionalProperties: false }),
    refused: ['/additionalProperties: objects with "note"'],
  },
  {
    title: 'unevaluatedProperties behind a reference',
    wide: { $ref: '#/$defs/order', unevaluatedProperties: false, $defs: { order } },
    narrow: { ...object({ id: { type: 'integer' } }, { required: ['id'] }), unevaluatedProperties: false },
    refused: ['/unevaluatedProperties: objects with "note"'],
  },
  {
    title: 'the type of additional properties',
    wide: object({}, { additionalProperties: { type: 'number' } }),
    narrow: object({}, { additionalProperties: { type: 'integer' } }),
    refused: ['/additionalProperties/type: numbers with a fraction at /*'],
  },
  {
    title: 'the type of properties with a pattern',
    wide: object({}, { patternProperties: { '^x-': { type: ['string', 'null'] } } }),
    narrow: object({}, { patternProperties: { '^x-': { type: 'string' } } }),
    refused: ['/patternProperties/^x-/type: values of type null at /*'],
  },
  {
    title: 'a type',
    wide: at({ type: ['string', 'null'] }),
    narrow: at({ type: 'string' }),
    refused: ['/properties/a/type: values of type null at /a'],
  },
  {
    title: 'integers instead of numbers',
    wide: at({ type: 'number' }),
    narrow: at({ type: 'integer' }),
    refused: ['/properties/a/type: numbers with a fraction at /a'],
  },
  {
    title: 'an enum with fewer values',
    wide: at({ enum: ['red', 'green', 'blue'] }),
    narrow: at({ enum: ['green', 'red'] }),
    refused: ['/properties/a/enum: "blue" at /a'],
  },
  {
    title: 'an enum instead of any string',
    wide: at({ type: 'string' }),
    narrow: at({ type: 'string', enum: ['red'] }),
    refused: ['/properties/a/enum: values other than "red" at /a'],
  },
  {
    title: 'a const instead of an enum',
    wide: { enum: [1, 2] },
    narrow: { const: 1 },
    refused: ['/const: 2'],
  },
  {
    title: 'bounds of numbers',
    wide: at({ type: 'number', minimum: 0, maximum: 10 }),
    narrow: at({ type: 'number', exclusiveMinimum: 0, maximum: 9 }),
    refused: [
      '/properties/a/exclusiveMinimum: numbers less than or equal to 0 at /a',
      '/properties/a/maximum: numbers greater than 9 at /a',
    ],
  },
  {
    title: 'bounds of integers',
    wide: at({ type: 'integer', minimum: 1, maximum: 9 }),
    narrow: at({ type: 'integer', exclusiveMinimum: 1, exclusiveMaximum: 8.5 }),
    refused: [
      '/properties/a/exclusiveMinimum: numbers less than or equal to 1 at /a',
      '/properties/a/exclusiveMaximum: numbers greater than or equal to 8.5 at /a',
    ],
  },
  {
    title: 'multiples',
    wide: at({ type: 'integer', multipleOf: 2 }),
    narrow: at({ type: 'integer', multipleOf: 4 }),
    refused: ['/properties/a/multipleOf: numbers that are not multiples of 4 at /a'],
  },
  {
    title: 'decimal multiples',
    wide: at({ type: 'number', multipleOf: 0.01 }),
    narrow: at({ type: 'number', multipleOf: 4.35 }),
    refused: ['/properties/a/multipleOf: numbers that are not multiples of 4.35 at /a'],
  },
  {
    title: 'lengths of strings',
    wide: at({ type: 'string', maxLength: 10 }),
    narrow: at({ type: 'string', minLength: 1, maxLength: 9 }),
    refused: [
      '/properties/a/minLength: strings shorter than 1 characters at /a',
      '/properties/a/maxLength: strings longer than 9 characters at /a',
    ],
  },
  {
    title: 'a pattern',
    wide: at({ type: 'string' }),
    narrow: at({ type: 'string', pattern: '^a' }),
    refused: ['/properties/a/pattern: strings that do not match ^a at /a'],
  },
  {
    title: 'lengths of arrays',
    wide: at({ type: 'array', items: { type: 'string' } }),
    narrow: at({ type: 'array', items: { type: 'string' }, minItems: 1, maxItems: 5, uniqueItems: true }),
    refused: [
      '/properties/a/minItems: arrays with fewer than 1 items at /a',
      '/properties/a/maxItems: arrays with more than 5 items at /a',
      '/properties/a/uniqueItems: arrays with equal items at /a',
    ],
  },
  {
    title: 'items of an array',
    wide: at({ type: 'array', items: { type: ['string', 'null'] } }),
    narrow: at({ type: 'array', items: { type: 'string' } }),
    refused: ['/properties/a/items/type: values of type null at /a/*'],
  },
  {
    title: 'the end of a tuple',
    wide: { type: 'array', prefixItems: [{ type: 'string' }, { type: 'number' }], items: false },
    narrow: { type: 'array', prefixItems: [{ type: 'string' }], items: false },
    refused: ['/items: arrays with more than 1 items'],
  },
  {
    title: 'a reference to a narrower definition',
    wide: { ...at({ $ref: '#/$defs/b' }), $defs: { b: { type: 'string' } } },
    narrow: { ...at({ $ref: '#/$defs/b' }), $defs: { b: { type: 'string', maxLength: 3 } } },
    refused: ['/$defs/b/maxLength: strings longer than 3 characters at /a'],
  },
  {
    title: 'a recursive definition',
    wide: { $ref: '#/$defs/tree', $defs: { tree: object({ value: {}, left: { $ref: '#/$defs/tree' } }) } },
    narrow: {
      $ref: '#/$defs/tree',
      $defs: { tree: object({ value: { type: 'number' }, left: { $ref: '#/$defs/tree' } }) },
    },
    refused: ['/$defs/tree/properties/value/type: values of other types than number at /value'],
  },
  {
    title: 'a branch of anyOf',
    wide: at({ anyOf: [{ type: 'string' }, { type: 'null' }] }),
    narrow: at({ anyOf: [{ type: 'string', maxLength: 5 }] }),
    refused: [
      '/properties/a/anyOf/0/maxLength: strings longer than 5 characters at /a',
      '/properties/a/anyOf: null at /a',
    ],
  },
  {
    title: 'a kind of oneOf',
    wide: {
      oneOf: [
        object({ kind: { const: 'a' } }, { required: ['kind'] }),
        object({ kind: { const: 'b' } }, { required: ['kind'] }),
      ],
    },
    narrow: { oneOf: [object({ kind: { const: 'a' } }, { required: ['kind'] })] },
    refused: ['/oneOf: values that match no branch of oneOf'],
  },
  {
    title: 'a schema in allOf',
    wide: { allOf: [order] },
    narrow: { allOf: [order, { required: ['note'] }] },
    refused: ['/allOf/1/required: objects without "note"'],
  },
  {
    title: 'dependentRequired',
    wide: order,
    narrow: { ...order, dependentRequired: { note: ['by'] } },
    refused: ['/dependentRequired: objects with "note" and without "by"'],
  },
  {
    title: 'names of properties',
    wide: object({}, { propertyNames: { maxLength: 8 } }),
    narrow: object({}, { propertyNames: { maxLength: 4 } }),
    refused: ['/propertyNames: property names: strings longer than 4 characters'],
  },
  {
    title: 'numbers of properties',
    wide: object({}),
    narrow: object({}, { minProperties: 1, maxProperties: 2 }),
    refused: [
      '/minProperties: objects with fewer than 1 properties',
      '/maxProperties: objects with more than 2 properties',
    ],
  },
  {
    title: 'the schema false',
    wide: at({}),
    narrow: at(false),
    refused: ['/properties: objects with "a"'],
  },
];

const directions = suite('compare');

for (const { title, wide, narrow, refused, back = [] } of rows) {
  directions(`reports what a narrower schema refuses: ${title}`, () => {
    assert.equal(refusals(wide, narrow), refused);
    assert.equal(refusals(narrow, wide), back);
    assert.equal(refusals(wide, wide), []);
    assert.equal(refusals(narrow, narrow), []);
  });
}

directions('a publication is compared in the other direction', () => {
  const [older, newer] = [at({ type: 'string' }), at({ type: ['string', 'null'] })];
  const documents = [tree('old.json', older), tree('new.json', newer)] as const;
  assert.equal(compare(...documents, 'subscription'), []);
  assert.equal(compare(...documents, 'publication'), [
    {
      code: 'incompatible',
      file: 'new.json',
      pointer: '/properties/a/type',
      path: '/a',
      message: 'accepts values of type null at /a, which the old schema refuses',
    },
  ]);
});

directions('bounds of integers are equal if they accept the same', () => {
  const same = [
    { type: 'integer', minimum: 1, maximum: 4 },
    { type: 'integer', exclusiveMinimum: 0, exclusiveMaximum: 5 },
    { type: 'number', multipleOf: 1, minimum: 0.5, maximum: 4.5 },
  ];
  for (const one of same) for (const other of same) assert.equal(refusals(one, { ...other, type: 'number' }), []);
  const [large, exclusive] = [2 ** 53, 2 ** 53].map((bound, index) => {
    return { type: 'integer', [index === 0 ? 'minimum' : 'exclusiveMinimum']: bound };
  });
  assert.is(refusals(large, exclusive).length, 1);
});

directions('annotations and unknown keywords may change', () => {
  const newer = {
    ...order,
    'x-owner': 'billing',
    contentEncoding: 'base64',
    contentMediaType: 'a/b',
    $anchor: 'order',
  };
  const changed = { ...newer, 'x-owner': { team: 1 }, contentEncoding: 'base32', contentMediaType: 'c/d' };
  for (const [older, other] of [
    [order, newer],
    [newer, order],
    [newer, changed],
  ])
    assert.equal(refusals(older, other), []);
});

directions('a publication names the versions as they are', () => {
  const messages = (older: unknown, newer: unknown) =>
    compare(tree('old.json', older), tree('new.json', newer), 'publication').map(({ message }) => message);
  assert.equal(messages({ type: 'string', pattern: 'a' }, { type: 'string', pattern: 'b' }), [
    'only the old schema has the pattern "a", and two patterns cannot be compared',
  ]);
  assert.equal(messages({ type: 'string', format: 'date' }, { type: 'string' }), [
    'only the old schema has the format "date", and validators may check or ignore it',
  ]);
  assert.equal(messages(at({ type: 'string' }), object({})), [
    'accepts values of other types than string at /a, which the old schema refuses; the new object is open: keep the property in the schema, or close the object',
  ]);
});

directions('a publication without a required property names the new file', () => {
  const newer = tree('new.json', { ...order, required: [] });
  assert.equal(compare(tree('old.json', order), newer, 'publication'), [
    {
      code: 'incompatible',
      file: 'new.json',
      pointer: '/required',
      path: '',
      message: 'accepts objects without "id", which the old schema refuses',
    },
  ]);
});

const undecided = suite('schemas that cannot be compared');

const changes: readonly (readonly [title: string, older: unknown, newer: unknown, found: readonly string[]])[] = [
  [
    'a changed pattern',
    { type: 'string', pattern: 'a' },
    { type: 'string', pattern: 'b' },
    ['/pattern: only the new schema has the pattern "b", and two patterns cannot be compared'],
  ],
  [
    'a changed keyword of an earlier draft',
    { dependencies: { a: ['b'] } },
    { dependencies: { a: ['c'] } },
    [
      "/dependencies: 'dependencies' cannot be compared",
      ": 'dependencies' cannot be compared: the old schema has it at /dependencies",
    ],
  ],
  [
    'a removed keyword of OpenAPI',
    at({ type: 'string', nullable: true }),
    at({ type: 'string' }),
    [": 'nullable' cannot be compared: the old schema has it at /properties/a/nullable"],
  ],
  ['a changed not', { not: { type: 'string' } }, { not: { type: 'string', minLength: 5 } }, []],
  ['a new not', { type: 'object' }, { type: 'object', not: { required: ['a'] } }, ["/not: 'not' cannot be compared"]],
  [
    'a narrower not',
    { not: { required: ['a', 'b'] } },
    { not: { required: ['a'] } },
    ["/not: 'not' cannot be compared"],
  ],
  [
    'a new condition',
    order,
    { ...order, if: { required: ['note'] }, else: { required: ['by'] } },
    ["/if: 'if' cannot be compared"],
  ],
  [
    'a reference to another file',
    at({ $ref: 'a.json' }),
    at({ $ref: 'b.json' }),
    ["/properties/a/$ref: the target of '$ref' is not known at /a"],
  ],
  [
    'a changed contains',
    { type: 'array', contains: { type: 'string' } },
    { type: 'array', contains: { const: 'a' } },
    ["/contains: 'contains' cannot be compared"],
  ],
  [
    'a new format',
    at({ type: 'string' }),
    at({ type: 'string', format: 'date' }),
    ['/properties/a/format: only the new schema has the format "date" at /a, and validators may check or ignore it'],
  ],
  [
    'overlapping branches',
    { type: 'number' },
    { anyOf: [{ minimum: 3 }, { maximum: 5 }] },
    ["/anyOf: 'anyOf' cannot be compared"],
  ],
];
for (const [title, older, newer, found] of changes) {
  undecided(title, () => {
    assert.equal(
      refusals(older, newer),
      found.map((line) => `cannot compare ${line}`),
    );
    assert.equal(
      refusals(older, older).filter((line) => !line.includes('$ref')),
      [],
    );
  });
}

const nothing: readonly unknown[] = [
  false,
  { not: {} },
  { not: true },
  { type: 'string', not: { type: ['string', 'null'] } },
  { enum: [] },
  { type: 'number', minimum: 2, maximum: 1 },
  { type: 'number', exclusiveMinimum: 1, maximum: 1 },
  { type: 'integer', exclusiveMinimum: 1, exclusiveMaximum: 2 },
  { type: 'string', minLength: 3, maxLength: 2 },
  { type: 'array', minItems: 2, maxItems: 1 },
  { type: 'array', minItems: 2, prefixItems: [{}], items: false },
  { type: 'array', contains: {}, maxItems: 0 },
  { type: 'object', minProperties: 2, maxProperties: 1 },
  { type: 'object', required: ['a'], properties: { a: false } },
  { type: 'object', required: ['a'], additionalProperties: false },
  { allOf: [{ type: 'number', minimum: 2 }, { maximum: 1 }] },
  { anyOf: [{ type: 'string', minLength: 2, maxLength: 1 }, { not: {} }] },
];

directions('a schema that accepts nothing may accept something later', () => {
  for (const old of nothing) {
    for (const newer of [order, { type: 'integer', minimum: 5 }, { enum: ['a'] }, { not: { type: 'null' } }])
      assert.equal(refusals(old, newer), [], JSON.stringify([old, newer]));
    assert.ok(refusals({ type: ['number', 'string', 'array', 'object'] }, old).length > 0, JSON.stringify(old));
  }
});

undecided('limits that exclude one type do not exclude the others', () => {
  assert.ok(refusals({ minimum: 2, maximum: 1 }, { type: 'number' }).length > 0);
  assert.ok(refusals({ type: ['string', 'number'], minLength: 2, maxLength: 1 }, { type: 'string' }).length > 0);
  assert.equal(refusals({ type: ['string', 'number'], minLength: 2, maxLength: 1 }, { type: 'number' }), []);
  assert.ok(refusals({ exclusiveMinimum: 1, exclusiveMaximum: 2, type: 'number' }, { type: 'integer' }).length > 0);
});

undecided('many branches end with a finding', () => {
  const branches = Array.from({ length: 12 }, (_, index) => ({
    anyOf: [{ required: [`a${index}`] }, { required: [`b${index}`] }],
  }));
  const found = refusals({ type: 'object', allOf: branches }, { type: 'object', required: ['c'] });
  assert.ok(found.length > 0);
});

directions('descriptions and examples may change', () => {
  const newer = { ...order, title: 'Order', description: 'An order', examples: [{ id: 1 }], $comment: 'x' };
  assert.equal(refusals(order, newer), []);
  assert.equal(refusals(newer, order), []);
});

directions.run();
undecided.run();
