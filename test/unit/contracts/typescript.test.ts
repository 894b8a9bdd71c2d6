// Tests the TypeScript types of bodies: the text, and what tsc accepts.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { schemaTree } from '../../../src/contracts/schema-node.ts';
import { bodyDeclarations } from '../../../src/contracts/typescript.ts';
import { tsconfig } from '../../../src/harness/declarations.ts';
import { tsc } from '../../support/tsc.ts';

/** Returns the declarations for one publication with the schema. */
function declarations(schema: unknown, file = 'schemas/order.json'): string {
  const tree = schemaTree({ file, content: schema, uri: `file:///${file}` });
  return bodyDeclarations(new Map([['orders', tree]]), new Map());
}

/** Returns the type of a schema on one line. */
function typeOf(schema: unknown): string {
  const text = declarations({
    type: 'object',
    required: ['a'],
    properties: { a: schema },
    additionalProperties: false,
  });
  const found = /export type Order = \{\n(.*?)\n {2}\};/s.exec(text)?.[1] ?? text;
  return found.replace(/\s+/g, ' ').replace(/^ a: |;$/g, '');
}

const types = suite('types of bodies');

for (const [schema, expected] of [
  [{ type: 'string', maxLength: 3 }, 'string'],
  [{ type: ['integer', 'number', 'null'] }, 'number | null'],
  [{ enum: ['a', 1, null, true] }, '"a" | 1 | null | true'],
  [{ type: 'string', enum: ['a', null] }, '"a"'],
  [{ const: { a: [1] } }, '{ a: [1]; }'],
  [{ type: 'array', items: { type: ['string', 'null'] } }, '(string | null)[]'],
  [{ type: 'array' }, 'unknown[]'],
  [{ type: 'array', items: false }, '[]'],
  [{ type: 'array', prefixItems: [{ type: 'string' }, { type: 'null' }], items: false }, '[(string)?, (null)?]'],
  [{ type: 'array', prefixItems: [{ type: 'string' }], items: { type: 'null' }, minItems: 1 }, '[string, ...null[]]'],
  [{ type: 'array', prefixItems: [{ type: 'string' }, {}], minItems: 1, maxItems: 1 }, '[string]'],
  [{ type: 'object' }, '{ [key: string]: unknown; }'],
  [{ type: 'object', additionalProperties: false }, '{ [key: string]: never }'],
  [{ type: 'object', additionalProperties: { type: 'integer' } }, '{ [key: string]: number; }'],
  [
    { type: 'object', patternProperties: { '^x': { type: 'null' } }, additionalProperties: false },
    '{ [key: string]: null; }',
  ],
  [
    {
      type: 'object',
      properties: { 'a-b': { type: 'null' } },
      required: ['c'],
      additionalProperties: { type: 'string' },
    },
    '{ "a-b"?: null; c: string; [key: string]: unknown; }',
  ],
  [{ type: 'object', properties: { b: false }, additionalProperties: false }, '{ b?: never; }'],
  [{ anyOf: [{ type: 'string' }, { type: 'null' }] }, 'string | null'],
  [{ type: 'string', anyOf: [{ minLength: 1 }, { pattern: 'a' }] }, 'string'],
  [{ allOf: [{ type: ['string', 'null'] }, { type: ['null', 'boolean'] }] }, '(string | null) & (null | boolean)'],
  [{}, 'unknown'],
  [{ minLength: 3 }, 'unknown /* TypeScript has no type for minLength */'],
  [{ not: { type: 'string' } }, 'unknown /* TypeScript has no type for not */'],
  [{ properties: { b: {} } }, 'unknown /* the schema has no "type" */'],
  [{ $dynamicRef: '#x' }, 'unknown /* a $dynamicRef has no fixed type */'],
  [{ $ref: 'https://example.com/x*/' }, 'unknown /* https://example.com/x*\\/ is not known */'],
] as const) {
  types(`${JSON.stringify(schema).slice(0, 60)} is ${expected.slice(0, 30)}`.slice(0, 72), () => {
    assert.is(typeOf(schema), expected);
  });
}

types('each definition has a name, and names are different', () => {
  const schema = {
    title: 'An order',
    type: 'object',
    properties: {
      order: { $ref: '#/$defs/order', description: 'the first\n*/ order' },
      parent: { $ref: '#' },
      anchored: { $ref: '#here' },
      odd: { $ref: '#/$defs/1~12~1%25' },
    },
    additionalProperties: false,
    $defs: { order: { type: 'integer' }, other: { $anchor: 'here', type: 'null' }, '1/2/%': { type: 'string' } },
  };
  assert.is(
    declarations(schema).split('\n').slice(4).join('\n'),
    `  /** Types of the bodies by the name of the publication. */
  export interface Publications {
    orders: Order;
  }

  /** Types of the bodies by the name of the subscription. */
  export interface Subscriptions {}

  /** An order */
  export type Order = {
    /**
     * the first
     * *\\/ order
     */
    order?: Order2;
    parent?: Order;
    anchored?: Other;
    odd?: Body12;
  };

  export type Order2 = number;

  export type Other = null;

  export type Body12 = string;
}
`,
  );
});

types('tsc accepts what the schema accepts, and refuses other bodies', async () => {
  const tree = { type: ['object', 'null'], properties: { left: { $ref: '#/$defs/tree' }, value: { type: 'number' } } };
  const schema = {
    type: 'object',
    required: ['pair', 'shape'],
    properties: {
      pair: { type: 'array', prefixItems: [{ type: 'string' }, { type: 'number' }], items: false },
      shape: {
        oneOf: [
          { type: 'object', required: ['kind', 'r'], properties: { kind: { const: 'circle' }, r: { type: 'number' } } },
          { type: 'object', required: ['kind'], properties: { kind: { const: 'point' } } },
        ],
      },
      either: {
        type: 'object',
        properties: { a: { type: 'string' } },
        anyOf: [{ required: ['a'] }, { required: ['b'] }],
      },
      loop: { $ref: '#/$defs/loop' },
      tree: { $ref: '#/$defs/tree' },
    },
    $defs: { tree, loop: { anyOf: [{ $ref: '#/$defs/loop' }, { type: 'string' }] } },
  };
  const source = `
import type { Order } from 'mq/bodies';
export const full: Order = { pair: ['a', 1], shape: { kind: 'circle', r: 1 }, tree: { left: { left: null } }, more: 1 };
export const short: Order = { pair: ['a'], shape: { kind: 'point', extra: true }, either: { b: 1 } };
export const radius = ({ shape }: Order): number => (shape.kind === 'circle' ? shape.r : 0);
// @ts-expect-error: the first item is a string
export const swapped: Order = { pair: [1, 'a'], shape: { kind: 'point' } };
// @ts-expect-error: a circle has a radius
export const flat: Order = { pair: [], shape: { kind: 'circle' } };
// @ts-expect-error: either a or b
export const neither: Order = { pair: [], shape: { kind: 'point' }, either: {} };
// @ts-expect-error: a tree inside a tree
export const tree: Order = { pair: [], shape: { kind: 'point' }, tree: { left: 5 } };
`;
  const folder = mkdtempSync(join(tmpdir(), 'mq-types-'));
  try {
    assert.is(await tsc(folder, { 'a.ts': source, 'mq-bodies.d.ts': declarations(schema) }, tsconfig), '');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

types.run();
