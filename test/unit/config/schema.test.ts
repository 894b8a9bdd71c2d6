import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { jsonSchema } from '../../../src/config/schema.ts';

type Schema = Record<string, unknown>;
const at = (schema: unknown, ...path: string[]): Schema =>
  path.reduce<Schema>((value, step) => (value[step] ?? {}) as Schema, schema as Schema);

test('refuses unknown keys in the same places as the check', () => {
  const schema = jsonSchema();
  assert.is(schema['additionalProperties'], false);
  for (const name of ['exchange', 'queue', 'binding', 'publication', 'subscription', 'role', 'handler', 'connection']) {
    assert.is(at(schema, 'definitions', name)['additionalProperties'], false, name);
  }
  const options = at(schema, 'definitions', 'queue', 'properties', 'options', 'properties');
  assert.is(at(options, 'arguments')['additionalProperties'], true);
});

test('contains kinds, limits, choices and descriptions', () => {
  const prefetch = at(jsonSchema(), 'definitions', 'subscription', 'properties', 'prefetch');
  assert.equal([prefetch['type'], prefetch['minimum'], prefetch['maximum']], [['integer', 'string'], 0, 65535]);
  // A string is valid only if it contains a variable.
  assert.is(prefetch['pattern'], '\\$\\{');
  assert.type(prefetch['description'], 'string');
  const type = at(jsonSchema(), 'definitions', 'exchange', 'properties', 'type');
  assert.equal(type['anyOf'], [
    { enum: ['direct', 'fanout', 'topic', 'headers'] },
    { pattern: '^x-' },
    { pattern: '\\$\\{' },
  ]);
});

test('defines every reference', () => {
  const schema = jsonSchema();
  const text = JSON.stringify(schema);
  const references = [...text.matchAll(/"\$ref":"#\/definitions\/(\w+)"/g)].map(([, name]) => name ?? '');
  assert.ok(references.length > 10);
  for (const name of references) assert.ok(Object.keys(at(schema, 'definitions', name)).length > 0, name);
});

test('shares a definition only between equal fields', () => {
  // If two different fields shared a definition, the first one would hide the other.
  const once = JSON.stringify(jsonSchema());
  assert.is(once, JSON.stringify(jsonSchema()));
  assert.equal(at(jsonSchema(), 'definitions', 'encryption')['type'], 'object');
  assert.equal(at(jsonSchema(), 'definitions', 'encryptionOrName')['type'], ['string', 'object']);
});

test.run();
