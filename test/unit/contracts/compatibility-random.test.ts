// Compares random schemas, and checks with Ajv that a schema called compatible refuses no value that the old one accepts.

import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { compare } from '../../../src/contracts/compatibility.ts';
import { schemaTree } from '../../../src/contracts/schema-node.ts';
import { countOf, type Random, randomOf } from '../../support/random.ts';
import { changedSchema, type RandomSchema, randomDocument, randomValue } from '../../support/random-schemas.ts';

/** MQ_SCHEMA_PAIRS=50000 searches longer. */
const pairs = countOf('MQ_SCHEMA_PAIRS', 600);
/** Number of pairs in one test. A busy machine needs seconds for them. */
const pairsOfTest = Math.ceil(pairs / 6);
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

/** Returns the pairs that are called compatible although the new schema refuses a value that the old one accepts. */
function wrongPairs(first: number, last: number): { wrong: string[]; compatible: number } {
  const wrong: string[] = [];
  let compatible = 0;
  for (let seed = first; seed <= last; seed += 1) {
    const { older, newer, random } = pairOf(seed);
    if (compare(tree('old.json', older), tree('new.json', newer), 'subscription').length > 0) continue;
    compatible += 1;
    const [accepted, kept] = compiled({ older, newer }) ?? [];
    if (!accepted || !kept) continue;
    const values = Array.from({ length: valuesOfPair }, () => randomValue(random, 3));
    const lost = values.find((value) => isAccepted(accepted, value) && isAccepted(kept, value) === false);
    if (lost !== undefined) wrong.push(JSON.stringify({ seed, older, newer, lost }));
  }
  return { wrong, compatible };
}

for (let first = 1; first <= pairs; first += pairsOfTest) {
  const last = Math.min(first + pairsOfTest - 1, pairs);
  test(`random schemas that are called compatible are so: ${first} to ${last}`, () => {
    const { wrong, compatible } = wrongPairs(first, last);
    assert.equal(wrong, []);
    // Both answers occur often.
    const count = last - first + 1;
    assert.ok(compatible > count / 10 && compatible < (count * 9) / 10, `${compatible} compatible`);
  });
}

test.run();
