// Loads schemas from files and checks bodies with them.

import { execFileSync } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Config } from '../../../src/config/config.ts';
import { schemaProblems } from '../../../src/contracts/check.ts';
import { type Contract, loadContracts } from '../../../src/contracts/contracts.ts';
import { emptyFolder } from '../../support/mq.ts';

type Schema = Record<string, unknown> | boolean;

function configOf(files: Record<string, Schema | string>, names: readonly string[] = ['order.json']): Config {
  const texts = Object.entries(files).map(([name, schema]) => [
    name,
    typeof schema === 'string' ? schema : JSON.stringify(schema, null, 2),
  ]);
  const publications = Object.fromEntries(names.map((name) => [name, name]));
  const folder = emptyFolder(Object.fromEntries(texts));
  return { file: 'rascal.json', folder, schemas: { publications, subscriptions: {} } } as unknown as Config;
}

async function contractOf(schema: Schema, others: Record<string, Schema> = {}): Promise<Contract> {
  const contracts = await loadContracts(configOf({ 'order.json': schema, ...others }));
  return contracts!.publications.get('order.json')!;
}

const fault = async (schema: Schema, body: unknown) =>
  (await contractOf(schema)).bodyFault(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)));

async function problems(files: Record<string, Schema | string>, names?: readonly string[]): Promise<string[]> {
  const found = await schemaProblems(configOf(files, names));
  return found.map(({ file, line, path, message, code }) => `${code} ${file}:${line} ${path}: ${message}`);
}

const order = {
  type: 'object',
  required: ['total'],
  properties: {
    total: { type: 'number', minimum: 0 },
    state: { enum: ['new', 'paid'] },
    version: { const: 2 },
    id: { pattern: '^[a-z]+$' },
  },
  additionalProperties: false,
};

test('names the JSON pointer and the rule that a body breaks', async () => {
  const { bodyFault } = await contractOf(order);
  const of = (body: unknown) => bodyFault(Buffer.from(JSON.stringify(body)));
  assert.is(of({ total: 1, state: 'paid' }), undefined);
  assert.is(of({ total: -1 }), '/total must be >= 0');
  assert.is(of({ total: 1, state: 'x' }), '/state must be one of "new", "paid"');
  assert.is(of({ total: 1, version: 1 }), '/version must be 2');
  assert.is(of({ total: 1, id: 'A' }), '/id must match pattern "^[a-z]+$"');
  assert.is(of({ total: 1, extra: 1 }), 'the body must not have the property "extra"');
  assert.is(of({}), "the body must have required property 'total'");
  assert.is(of([]), 'the body must be an object');
});

test('describes a fault in plain English', async () => {
  assert.is(await fault({ type: ['string', 'null', 'array'] }, 1), 'the body must be a string or null or an array');
  assert.is(await fault({ not: { type: 'number' } }, 1), "the body must not match the schema of 'not'");
  assert.is(await fault({ properties: { a: false } }, { a: 1 }), '/a is not allowed');
  assert.is(await fault({ minLength: 1 }, '""'), 'the body must not have fewer than 1 character');
  assert.is(await fault({ maxItems: 1 }, [1, 2]), 'the body must not have more than 1 item');
  assert.is(await fault({ minProperties: 1 }, {}), 'the body must not have fewer than 1 property');
});

test('refuses a body that is not JSON', async () => {
  const { bodyFault } = await contractOf(true);
  assert.is(bodyFault(Buffer.from('{')), 'the body is not JSON');
  assert.is(bodyFault(Buffer.alloc(0)), 'the body is empty, and not JSON');
  assert.is(bodyFault(Buffer.from([0x22, 0xff, 0x22])), 'the body is not JSON: it is not UTF-8');
  assert.is(bodyFault(Buffer.from('"x"')), undefined);
});

test('the text of a fault has a limit, whatever the body contains', async () => {
  const long = 'k'.repeat(10_000);
  const found = await fault({ additionalProperties: { additionalProperties: false } }, { [long]: { [long]: 1 } });
  assert.ok(found !== undefined && found.length < 300, found);
});

test('loads no compiler if no needed name has a schema', async () => {
  const config = configOf({ 'order.json': '{' });
  assert.is(await loadContracts(config, { publications: ['other'], subscriptions: [] }), undefined);
});

test('follows references to files next to a schema, whatever its $id', async () => {
  const address = { required: ['zip'] };
  for (const $id of ['https://example.com/a/order.json', 'order.json', undefined]) {
    const { bodyFault } = await contractOf(
      { ...($id && { $id }), properties: { to: { $ref: 'address.json' } } },
      { 'address.json': address },
    );
    assert.is(bodyFault(Buffer.from('{"to":{}}')), "/to must have required property 'zip'", String($id));
  }
});

test('resolves embedded ids, anchors, and pointers to unknown keywords', async () => {
  const { bodyFault } = await contractOf({
    properties: { a: { $ref: 'other' }, b: { $ref: '#text' }, c: { $ref: '#/components/c' } },
    $defs: { other: { $id: 'other', type: 'null' }, text: { $anchor: 'text', type: 'string' } },
    components: { c: { items: { type: 'integer' } } },
  });
  assert.is(bodyFault(Buffer.from('{"a":null,"b":"","c":[1]}')), undefined);
  assert.is(bodyFault(Buffer.from('{"a":1}')), '/a must be null');
  assert.is(bodyFault(Buffer.from('{"b":1}')), '/b must be a string');
  assert.is(bodyFault(Buffer.from('{"c":[1.5]}')), '/c/0 must be an integer');
});

test('compares unique items as JSON Schema does', async () => {
  const unique = { uniqueItems: true };
  const same = 'the body must not have equal items';
  assert.is(await fault(unique, '[{"a":1,"b":2},{"b":2,"a":1}]'), same);
  assert.is(await fault(unique, '[1, 1.0]'), same);
  assert.is(await fault(unique, '[0, -0]'), same);
  assert.is(await fault(unique, '[1, "1", true, "true", null, "null", [], {}, [[]], ["a,b"], ["a","b"]]'), undefined);
});

test('multipleOf compares decimal digits', async () => {
  const cents = await contractOf({ multipleOf: 0.01 });
  const of = ({ bodyFault }: Contract, body: string) => bodyFault(Buffer.from(body));
  for (const body of ['19.99', '4.35', '-1.15', '0.07', '0', '1e300', '"text"'])
    assert.is(of(cents, body), undefined, body);
  for (const body of ['0.075', '1e-300', '1e400']) assert.is(of(cents, body), 'the body must be a multiple of 0.01');
  const large = await contractOf({ multipleOf: 3 });
  assert.is(of(large, '3e300'), undefined);
  assert.is(of(large, '1e300'), 'the body must be a multiple of 3');
  assert.is(of(large, '9007199254740991'), 'the body must be a multiple of 3');
});

test('reports all problems of all schemas with file and line', async () => {
  const found = await problems(
    {
      'order.json': {
        $schema: 'http://json-schema.org/draft-07/schema#',
        type: 'strin',
        properties: {
          a: { $ref: 'https://example.org/x.json' },
          b: { $ref: '#/$defs/none' },
          c: { pattern: '(?=x)' },
          d: { $ref: 'missing.json' },
          e: { minimun: 1 },
          f: { $dynamicRef: '#x' },
        },
      },
      'broken.json': '{',
    },
    ['order.json', 'broken.json', 'none.json'],
  );
  assert.equal(found, [
    'syntax broken.json:1 : missing closing brace',
    'missing-file none.json:1 : cannot be read: no such file or directory',
    'value order.json:2 $schema: must be "https://json-schema.org/draft/2020-12/schema", the only draft that mq supports',
    'value order.json:3 type: must be one of "array", "boolean", "integer", "null", "number", "object", "string"',
    'reference order.json:6 properties.a.$ref: refers to https://example.org/x.json, and mq reads local files only',
    'reference order.json:9 properties.b.$ref: there is no "/$defs/none" in order.json',
    'value order.json:12 properties.c.pattern: the pattern is invalid: (?= needs backtracking, which has no limit of time; mq does not run it',
    'reference order.json:15 properties.d.$ref: missing.json: cannot be read: no such file or directory',
    'warning order.json:18 properties.e.minimun: unknown keyword "minimun", which checks nothing (did you mean "minimum"?)',
    'reference order.json:21 properties.f.$dynamicRef: mq does not support $dynamicRef; use $ref',
  ]);
});

test('reports an anchor or an id that is defined twice', async () => {
  const twice = (keyword: string, value: string) => ({
    $defs: { a: { [keyword]: value, type: 'string' }, b: { [keyword]: value, type: 'string' } },
  });
  for (const [keyword, value] of [
    ['$anchor', 'x'],
    ['$dynamicAnchor', 'x'],
    ['$id', 'other'],
  ] as const)
    assert.equal(await problems({ 'order.json': twice(keyword, value) }), [
      `duplicate order.json:8 $defs.b.${keyword}: "${value}" is defined twice`,
    ]);
  const one = { $id: 'https://example.com/a', type: 'string' };
  const copies = { 'a.json': { $defs: { one } }, 'b.json': { $defs: { copy: one } } };
  assert.equal(await problems(copies, ['a.json', 'b.json']), []);
  assert.equal(await problems({ 'a.json': one, 'b.json': { ...one, type: 'null' } }, ['a.json', 'b.json']), [
    'duplicate b.json:2 $id: "https://example.com/a" is defined twice',
  ]);
});

test('an error of the compiler is a problem of its schema', async () => {
  const found = await problems({ 'order.json': { 'x-a': { $anchor: 'x' }, 'x-b': { $anchor: 'x' } } });
  assert.match(
    found.join(),
    /^value order\.json:1 : reference "file:.*order\.json#x" resolves to more than one schema$/,
  );
  assert.equal(await problems({ 'order.json': { $id: 'a#b' } }), [
    'value order.json:2 $id: must match pattern "^[^#]*#?$"',
  ]);
});

test('refuses a schema that is a device or a pipe without reading it', async () => {
  const config = configOf({ 'order.json': { $ref: 'zero.json' } }, ['order.json', 'pipe.json']);
  const folder = config.folder ?? '';
  symlinkSync('/dev/zero', join(folder, 'zero.json'));
  execFileSync('mkfifo', [join(folder, 'pipe.json')]);
  const found = await schemaProblems(config);
  assert.equal(
    found.map(({ file, message }) => `${file}: ${message}`),
    [
      'order.json: zero.json: cannot be read: it is not a regular file',
      'pipe.json: cannot be read: it is not a regular file',
    ],
  );
});

test('reports a missing file at the place that names it', async () => {
  const config = configOf({}, ['none.json']);
  const places = { 'none.json': { path: 'mq.publications.order.schema', line: 7, column: 9 } };
  const [problem] = await schemaProblems({ ...config, schemas: { ...config.schemas, places } });
  assert.equal(problem, {
    code: 'missing-file',
    ...places['none.json'],
    message: 'none.json cannot be read: no such file or directory',
  });
});

test('two names of one file are one schema', async () => {
  assert.equal(await problems({ 'order.json': { $id: 'x', type: 'object' } }, ['order.json', './order.json']), []);
});

test('reports references that lead back to themselves', async () => {
  const cycle = 'leads back to itself without a property or an item between, so a check would never end';
  const at = async (schema: Schema, others: Record<string, Schema> = {}) =>
    (await problems({ 'order.json': schema, ...others })).map((line) =>
      line.replace(/^reference (.*): (.*)$/, '$1 $2'),
    );
  assert.equal(await at({ $ref: '#' }), [`order.json:2 $ref ${cycle}`]);
  const self = { $ref: '#' };
  const all = [
    [{ allOf: [self] }, 'allOf[0]'],
    [{ anyOf: [true, self] }, 'anyOf[1]'],
    [{ oneOf: [self] }, 'oneOf[0]'],
    [{ not: self }, 'not'],
    [{ if: self }, 'if'],
    [
      Object.fromEntries([
        ['if', true],
        ['then', self],
      ]),
      'then',
    ],
    [{ if: true, else: self }, 'else'],
    [{ dependentSchemas: { a: self } }, 'dependentSchemas.a'],
  ] as const;
  for (const [schema, place] of all) {
    const [line = '', ...rest] = await at(schema as unknown as Schema);
    assert.ok(line.includes(`${place}.$ref ${cycle}`), `${place}: ${line}`);
    assert.equal(rest, []);
  }
  assert.equal(await at({ $ref: 'b.json' }, { 'b.json': { $ref: 'order.json' } }), [`b.json:2 $ref ${cycle}`]);
  const anchors = { $defs: { a: { $anchor: 'a', $ref: '#b' }, b: { $anchor: 'b', $ref: '#a' } } };
  assert.equal(await at(anchors), [`order.json:9 $defs.b.$ref ${cycle}`]);
  const tree = { properties: { left: self, list: { items: self } }, allOf: [{ additionalProperties: self }] };
  assert.equal(await at(tree), []);
});

test('a schema with a problem ends a run with all problems', async () => {
  const config = configOf({ 'order.json': { type: 'strin', pattern: '(' } });
  let error: { code?: string; problems?: readonly string[] } = {};
  await loadContracts(config).catch((one) => {
    error = one;
  });
  assert.is(error.code, 'CONFIG');
  assert.is(error.problems?.length, 2);
});

test('checks the examples of each subschema with it', async () => {
  const found = await problems({
    'order.json': {
      examples: [{ total: 1 }, { total: 'x' }],
      properties: { total: { type: 'number', examples: [1, 'y'] }, 'a/b~c': { type: 'null', examples: [0] } },
    },
  });
  assert.equal(found, [
    'value order.json:6 examples[1]: the example does not match its schema: /total must be a number',
    'value order.json:15 properties.total.examples[1]: the example does not match its schema: it must be a number',
    'value order.json:21 properties["a/b~c"].examples[0]: the example does not match its schema: it must be null',
  ]);
});

test.run();
