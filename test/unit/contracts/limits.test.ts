// Checks that the work of a check has a limit for every body. The tests count steps, because times depend on the machine.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseBody } from '../../../src/contracts/body.ts';
import { Budget, mostSteps, mostStepsPerTurn, TooManySteps, TurnSteps } from '../../../src/contracts/budget.ts';
import { Compiler } from '../../../src/contracts/compile.ts';
import { readDocuments } from '../../../src/contracts/documents.ts';
import { isMultiple } from '../../../src/contracts/multiple-of.ts';
import { areUnique } from '../../../src/contracts/unique-items.ts';
import { emptyFolder } from '../../support/mq.ts';

async function compilerOf(schema: unknown) {
  const folder = emptyFolder({ 's.json': JSON.stringify(schema) });
  const documents = await readDocuments(['s.json'], folder);
  const compiler = new Compiler(documents);
  return { compiler, ...compiler.validator(documents.named.get('s.json')!.uri) };
}

const tooMany = `the check of the body needs more than ${mostSteps} steps`;

test('a schema of exponential time ends after the limit of steps', async () => {
  // A body of 60 levels would need 2^60 evaluations.
  const { valueFault, compiler } = await compilerOf({
    allOf: [{ properties: { next: { $ref: '#' } } }, { properties: { next: { $ref: '#' } } }],
  });
  let body = {};
  for (let depth = 0; depth < 60; depth++) body = { next: body };
  assert.is(valueFault(body), tooMany);
  assert.ok(compiler.budget.used < mostSteps + 1000);
});

test('every kind of work that depends on the body counts steps', async () => {
  const many = 10_000;
  const list = Array.from({ length: many }, (_, index) => index);
  const keys = Object.fromEntries(list.map((index) => [`k${index}`, index]));
  const bodies: [schema: object, body: unknown][] = [
    [{ items: { minimum: 0 } }, list],
    [{ contains: { const: -1 } }, list],
    [{ uniqueItems: true }, list],
    [{ unevaluatedItems: { minimum: 0 } }, list],
    [{ additionalProperties: { minimum: 0 } }, keys],
    [{ additionalProperties: false }, keys],
    [{ patternProperties: { '^x': true } }, keys],
    [{ propertyNames: { maxLength: 99 } }, keys],
    [{ unevaluatedProperties: { minimum: 0 } }, keys],
    [{ maxProperties: 1 }, keys],
    [{ pattern: '^(a|aa)+$' }, 'a'.repeat(many)],
    [{ maxLength: many * 16 }, 'a'.repeat(many * 16)],
    [{ $ref: '#/$defs/list', $defs: { list: { items: { minimum: 0 } } } }, list],
    [{ if: { contains: { const: -1 } }, else: { maxItems: 1 } }, list],
    [{ dependentSchemas: { k0: { additionalProperties: false } } }, keys],
  ];
  for (const [schema, body] of bodies) {
    const { valueFault, compiler } = await compilerOf(schema);
    valueFault(body);
    assert.ok(compiler.budget.used >= many, `${JSON.stringify(schema)}: ${compiler.budget.used} steps`);
  }
});

test('a pattern counts a step for each character and more for a larger program', async () => {
  const small = await compilerOf({ pattern: 'x' });
  small.valueFault('a'.repeat(1000));
  const large = await compilerOf({ pattern: '(a|b){500}x' });
  large.valueFault('a'.repeat(1000));
  assert.ok(small.compiler.budget.used >= 1000);
  assert.ok(large.compiler.budget.used > 10 * small.compiler.budget.used);
});

test('unique items need linear steps, and equal long items too', () => {
  const stepsFor = (length: number) => {
    const budget = new Budget();
    areUnique(
      Array.from({ length }, (_, index) => ({ a: index, b: 'x'.repeat(100) })),
      budget,
    );
    return budget.used;
  };
  assert.ok(stepsFor(2000) < 2.1 * stepsFor(1000));
});

test('a multiple of many digits counts steps for them', () => {
  const budget = new Budget();
  isMultiple(1e300, 1e-300, budget);
  const { used } = budget;
  isMultiple(1.5, 0.5, budget);
  assert.ok(used > 2 * (budget.used - used));
});

test('a body has limits of depth and size before it is parsed', () => {
  const nested = (depth: number) => Buffer.from('['.repeat(depth) + ']'.repeat(depth));
  assert.ok('value' in parseBody(nested(512)));
  assert.equal(parseBody(nested(513)), { fault: 'the body is nested deeper than 512 levels' });
  assert.equal(parseBody(nested(1_000_000)), { fault: 'the body is nested deeper than 512 levels' });
  assert.ok('value' in parseBody(Buffer.from(JSON.stringify(`\\"${'['.repeat(2000)}`))));
  assert.equal(parseBody(Buffer.alloc(16 * 1024 * 1024 + 1, 0x20)), {
    fault: 'the body has 16777217 bytes, and a check accepts 16777216',
  });
});

test('a check that spends too many steps throws', () => {
  const budget = new Budget();
  budget.spend(mostSteps);
  assert.throws(
    () => budget.spend(1),
    (error: unknown) => error instanceof TooManySteps,
  );
});

test('checks wait for the next turn after the steps of one turn', async () => {
  const turn = new TurnSteps();
  turn.add(mostStepsPerTurn);
  assert.not(turn.isOver);
  turn.add(1);
  assert.ok(turn.isOver);
  await turn.next();
  assert.not(turn.isOver);
});

test.run();
