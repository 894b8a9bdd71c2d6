// Runs the required tests of a JSON Schema Test Suite, draft 2020-12, against the schemas of mq and against Ajv alone, and prints
// how many pass and the groups that do not. The suite is not part of this repository:
//
//   git clone https://github.com/json-schema-org/JSON-Schema-Test-Suite
//   node src/build/node24.js test/conformance/json-schema.ts JSON-Schema-Test-Suite

import { cpSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { compileSchemas } from '../../src/contracts/schemas.ts';
import { emptyFolder } from '../support/mq.ts';

interface Group {
  readonly description: string;
  readonly schema: object | boolean;
  readonly tests: readonly { readonly data: unknown; readonly valid: boolean }[];
}

/** Reports whether a value is valid. */
type IsValid = (value: unknown) => boolean;

const draft = 'draft2020-12';
/** The address of the folder `remotes` of the suite. */
const remotesUri = 'http://localhost:1234/';

const [suite] = process.argv.slice(2);
if (suite === undefined) throw new Error('give the folder of the JSON Schema Test Suite');
const remotes = join(suite, 'remotes');
const folder = emptyFolder();
cpSync(remotes, folder, { recursive: true });
// A file with an address in that folder, so that mq finds the others next to it.
writeFileSync(join(folder, 'index.json'), JSON.stringify({ $id: `${remotesUri}index.json` }));

const schemas = { publications: {}, subscriptions: {}, places: {} };

async function byMq(schema: Group['schema']): Promise<IsValid> {
  writeFileSync(join(folder, 'schema.json'), JSON.stringify(schema));
  const { contractOf } = await compileSchemas(['index.json', 'schema.json'], { file: undefined, folder, schemas });
  const { bodyFault } = contractOf('schema.json');
  return (value) => bodyFault(Buffer.from(JSON.stringify(value))) === undefined;
}

async function byAjv(schema: Group['schema']): Promise<IsValid> {
  const ajv = new Ajv2020({ strict: false, validateFormats: false, logger: false });
  for (const file of globSync(`${draft}/**/*.json`, { cwd: remotes }))
    ajv.addSchema(JSON.parse(readFileSync(join(remotes, file), 'utf8')), `${remotesUri}${file}`);
  const validate = ajv.compile(schema);
  return (value) => validate(value) === true;
}

/** Returns the number of tests with the right result, or `undefined` if the schema is refused. */
async function passes({ schema, tests }: Group, compile: typeof byMq): Promise<number | undefined> {
  try {
    const isValid = await compile(schema);
    return tests.filter(({ data, valid }) => isValid(data) === valid).length;
  } catch {
    return undefined;
  }
}

const sum = { tests: 0, mq: 0, refused: 0, ajv: 0 };
for (const file of globSync(`tests/${draft}/*.json`, { cwd: suite }).sort()) {
  for (const group of JSON.parse(readFileSync(join(suite, file), 'utf8')) as Group[]) {
    const { length } = group.tests;
    const mq = await passes(group, byMq);
    sum.tests += length;
    sum.mq += mq ?? 0;
    sum.refused += mq === undefined ? length : 0;
    sum.ajv += (await passes(group, byAjv)) ?? 0;
    if (mq !== length)
      console.log(`${file}: ${group.description}: ${mq === undefined ? 'refused' : `${mq} of ${length}`}`);
  }
}
const { tests, mq, refused, ajv } = sum;
console.log(
  `${tests} required tests: mq passes ${mq}, refuses the schemas of ${refused}, and is wrong in ${tests - mq - refused}`,
);
console.log(`Ajv alone passes ${ajv}`);
rmSync(folder, { recursive: true });
