// Compares random schemas, and checks with Ajv that a schema called compatible refuses no value that the old one accepts.

import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { compare } from '../../../src/contracts/compatibility.ts';
import { schemaTree } from '../../../src/contracts/schema-node.ts';
import { countOf, type Random, randomOf } from '../../support/random.ts';
import { changedSchema, type RandomSchema, randomDocument, randomValue } from '../../support/random-schemas.ts';

/** MQ_SCHEMA_PAIRS=50000 searches longer. */
const pairs = countOf('MQ_SCHEMA_PAIRS', 300);
const valuesOfPair = 120;

const ajv = new Ajv2020({ strict: false, validateFormats: false, logger: false });

interface Pair {
  readonly older: RandomSchema;
  readonly newer: RandomSchema;
}

/** Returns the pair of a seed, and random numbers for its values. */
function pairOf(seed: number): Pair & { random: Random } {
  const random = randomOf(seed);
  const older = randomDocument(random);
  return { older, newer: random.chance(0.8) ? changedSchema(random, older) : randomDocument(random), random };
}

const tree = (file: string, content: RandomSchema) => schemaTree({ file, content, uri: `file:///${file}` });

/** Returns the accepting functions of both schemas, or `undefined` if a schema is not valid. */
function compiled({ older, newer }: Pair): [ValidateFunction, ValidateFunction] | undefined {
  try {
    return [ajv.compile(older), ajv.compile(newer)];
  } catch {
    return undefined;
  }
}

/** Returns `undefined` for a value that makes the code of Ajv 8.20.0 throw (contracts/compile.ts). */
function isAccepted(validate: ValidateFunction, value: unknown): boolean | undefined {
  try {
    return validate(value) === true;
  } catch {
    return undefined;
  }
}

test(`random schemas that are called compatible are compatible, in ${pairs} pairs`, () => {
  const wrong: string[] = [];
  const counts = { compatible: 0, incompatible: 0, refuted: 0 };
  for (let seed = 1; seed <= pairs; seed += 1) {
    const { older, newer, random } = pairOf(seed);
    const found = compare(tree('old.json', older), tree('new.json', newer), 'subscription');
    const isCompatible = found.length === 0;
    counts[isCompatible ? 'compatible' : 'incompatible'] += 1;
    const [accepted, kept] = compiled({ older, newer }) ?? [];
    if (!accepted || !kept) continue;
    const values = Array.from({ length: valuesOfPair }, () => randomValue(random, 3));
    const lost = values.find((value) => isAccepted(accepted, value) && isAccepted(kept, value) === false);
    if (lost === undefined) continue;
    if (isCompatible) wrong.push(JSON.stringify({ seed, older, newer, lost }));
    else counts.refuted += 1;
  }
  assert.equal(wrong, []);
  // The schemas and values are such that each answer occurs often.
  const least = pairs / 20;
  assert.ok(
    Object.values(counts).every((count) => count > least),
    JSON.stringify(counts),
  );
});

test.run();
