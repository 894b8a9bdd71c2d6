// Finds all problems of the schemas that a rascal.json names, also those that a run does not report: examples that do not
// match, and keywords that are probably mistyped.

import { didYouMean, type Problem } from '../config/check.ts';
import type { Config } from '../config/config.ts';
import { type Compiler, textOf, type Validator } from './compile.ts';
import { type Documents, readDocuments, type SchemaDocument } from './documents.ts';
import { keywords } from './keywords.ts';
import { compiled } from './schemas.ts';

/** Returns the problems and warnings of the schemas, in the order of their files and lines. */
export async function schemaProblems({
  schemas,
  folder = '.',
}: Pick<Config, 'schemas' | 'folder'>): Promise<Problem[]> {
  const subscribed = Object.values(schemas.subscriptions).map(({ schema }) => schema);
  const names = [...new Set([...Object.values(schemas.publications), ...subscribed])];
  if (names.length === 0) return [];
  const documents = await readDocuments(names, folder, schemas.places);
  const { problems, compiler } = compiled(documents);
  const found = compiler === undefined ? problems : exampleProblems(documents, compiler);
  return [...found, ...unknownKeywords(documents)].toSorted(
    (one, other) => compare(one.file ?? '', other.file ?? '') || one.line - other.line || one.column - other.column,
  );
}

function compare(one: string, other: string): number {
  return one === other ? 0 : one < other ? -1 : 1;
}

/** Returns a problem for each of the `examples` of a schema that does not match the schema. */
function exampleProblems({ subschemas }: Documents, compiler: Compiler): Problem[] {
  return subschemas.flatMap(({ schema: { examples }, path, document }) => {
    if (!Array.isArray(examples)) return [];
    const validator = validatorAt(compiler, `${document.uri}${pointerOf(path)}`);
    if ('fault' in validator) return [located(document, [...path, 'examples'], validator.fault)];
    const { valueFault } = validator;
    return examples.flatMap((example: unknown, index) => {
      const fault = valueFault(example);
      if (fault === undefined) return [];
      const message = `the example does not match its schema: ${fault.replace(/^the body/, 'it')}`;
      return [located(document, [...path, 'examples', index], message)];
    });
  });
}

/** Returns the validator of a subschema. Ajv compiles it alone, which may fail although its document was compiled. */
function validatorAt(compiler: Compiler, uri: string): Validator | { readonly fault: string } {
  try {
    return compiler.validator(uri);
  } catch (error) {
    return { fault: `the examples cannot be checked: ${textOf(error)}` };
  }
}

function pointerOf(path: readonly (string | number)[]): string {
  if (path.length === 0) return '';
  const steps = path.map((step) => encodeURIComponent(String(step).replaceAll('~', '~0').replaceAll('/', '~1')));
  return `#/${steps.join('/')}`;
}

/** Warns of a keyword that is similar to one of JSON Schema, because an unknown keyword checks nothing. */
function unknownKeywords({ subschemas }: Documents): Problem[] {
  return subschemas.flatMap(({ schema, path, document }) =>
    Object.keys(schema).flatMap((key) => {
      if (keywords.includes(key)) return [];
      const hint = didYouMean(key, keywords);
      if (hint === '') return [];
      const message = `unknown keyword ${JSON.stringify(key)}, which checks nothing${hint}`;
      return [{ ...located(document, [...path, key], message), code: 'warning' as const }];
    }),
  );
}

function located(
  { problem, file }: SchemaDocument,
  path: Parameters<SchemaDocument['problem']>[0],
  message: string,
): Problem {
  return { ...problem(path, message), file };
}
