// Compiles the schema files of a rascal.json and finds all their problems.

import { configError, type Problem } from '../config/check.ts';
import type { Config } from '../config/config.ts';
import { MqError } from '../errors.ts';
import { TurnSteps } from './budget.ts';
import { Compiler, draft, metaProblems, textOf, type Validator } from './compile.ts';
import { type Documents, readDocuments, type SchemaDocument } from './documents.ts';
import { compilePattern } from './patterns.ts';
import { cycleProblems } from './problems/cycles.ts';

export interface CompiledSchemas {
  readonly contractOf: (file: string) => CompiledSchema;
  readonly documents: Documents['byUri'];
}

interface CompiledSchema extends Pick<Validator, 'bodyFault'> {
  readonly document: SchemaDocument;
  /** Steps of all checks in the current turn of the event loop. */
  readonly turn: TurnSteps;
}

/** Compiles the files, relative to the folder of rascal.json. Throws CONFIG with all their problems. */
export async function compileSchemas(
  files: readonly string[],
  { file = 'rascal.json', folder = '.', schemas: { places } }: Pick<Config, 'file' | 'folder' | 'schemas'>,
): Promise<CompiledSchemas> {
  const documents = await readDocuments([...new Set(files)], folder, places);
  const { problems, compiler } = compiled(documents);
  const [first] = problems;
  if (first !== undefined || compiler === undefined)
    throw configError(problems.length === 1 ? (first?.file ?? file) : file, problems);
  const turn = new TurnSteps();
  const contracts = new Map(
    [...documents.named].map(([name, document]) => [name, contractOf(document, compiler, turn)]),
  );
  return {
    contractOf: (name) => {
      const found = contracts.get(name);
      if (found === undefined) throw new MqError('BUG', `the schema ${name} was not compiled`);
      return found;
    },
    documents: documents.byUri,
  };
}

function contractOf(document: SchemaDocument, compiler: Compiler, turn: TurnSteps): CompiledSchema {
  const { bodyFault } = compiler.validator(document.uri);
  const counted = (body: Buffer) => {
    const fault = bodyFault(body);
    turn.add(compiler.budget.used);
    return fault;
  };
  return { document, turn, bodyFault: counted };
}

/** Returns the problems of all documents. `compiler` is set only without problems. */
export function compiled(documents: Documents): { problems: Problem[]; compiler?: Compiler } {
  const all = [...new Set(documents.byUri.values())];
  const problems = [
    ...documents.problems,
    ...draftProblems(documents),
    ...patternProblems(documents),
    ...all.flatMap(metaProblems),
  ];
  if (problems.length === 0) problems.push(...cycleProblems(documents));
  if (problems.length > 0) return { problems };
  const compiler = new Compiler(documents);
  const found = compiler.problems.length > 0 ? compiler.problems : all.flatMap((one) => compileProblems(compiler, one));
  return found.length > 0 ? { problems: found } : { problems: [], compiler };
}

function compileProblems(compiler: Compiler, { uri, problem, file }: SchemaDocument): Problem[] {
  try {
    compiler.validator(uri);
    return [];
  } catch (error) {
    return [{ ...problem([], textOf(error)), file }];
  }
}

/** Reports schemas of other drafts, because Ajv would interpret them by the rules of this one. */
function draftProblems({ subschemas }: Documents): Problem[] {
  return subschemas.flatMap(({ schema: { $schema }, path, document }) => {
    if ($schema === undefined || String($schema).replace(/#$/, '') === draft) return [];
    const message = `must be ${JSON.stringify(draft)}, the only draft that mq supports`;
    return [{ ...document.problem([...path, '$schema'], message), file: document.file }];
  });
}

function patternProblems({ subschemas }: Documents): Problem[] {
  return subschemas.flatMap(({ schema, path, document }) => {
    const { pattern, patternProperties } = schema;
    const keys = Object.keys(Object(patternProperties)).map((key) => [key, ['patternProperties', key]] as const);
    const all = typeof pattern === 'string' ? [[pattern, ['pattern']] as const, ...keys] : keys;
    return all.flatMap(([source, at]) => {
      const fault = patternFault(source);
      return fault === undefined ? [] : [{ ...document.problem([...path, ...at], fault), file: document.file }];
    });
  });
}

function patternFault(source: string): string | undefined {
  try {
    compilePattern(source);
    return undefined;
  } catch (error) {
    return `the pattern is invalid: ${error instanceof Error ? error.message : String(error)}`;
  }
}
