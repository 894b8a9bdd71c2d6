// Compiles schemas with Ajv, so that every check has a limit of work: each subschema and each pattern counts its steps.

import { _, Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import type { Path, Problem } from '../config/check.ts';
import { isObject, type Plain } from '../config/plain.ts';
import { mostDepth, parseBody } from './body.ts';
import { Budget, mostSteps, TooManySteps } from './budget.ts';
import type { Documents, SchemaDocument } from './documents.ts';
import { faultText } from './fault-text.ts';
import { costOf } from './keyword-cost.ts';
import { isMultiple } from './multiple-of.ts';
import { compilePattern } from './patterns.ts';
import { areUnique } from './unique-items.ts';

/** Checks values against one schema. */
export interface Validator {
  /** Returns why the body does not match, such as `/total must be >= 0`, or `undefined` if it matches. */
  readonly bodyFault: (body: Buffer) => string | undefined;
  /** Returns why a value does not match. */
  readonly valueFault: (value: unknown) => string | undefined;
}

/** Draft of JSON Schema that mq supports. */
export const draft = 'https://json-schema.org/draft/2020-12/schema';

/** Keyword that each subschema gets. It counts the steps. */
const stepKeyword = 'mq:steps';

/** Checks schemas. */
const meta = new Ajv2020({ strict: false, allErrors: true, validateFormats: false, logger: false });

/** Returns the problems of a document that the schema of JSON Schema finds. */
export function metaProblems({ content, problem, file }: SchemaDocument): Problem[] {
  if (isObject(content) || typeof content === 'boolean') {
    if (meta.validate(draft, content)) return [];
  } else return [{ ...problem([], 'must be an object or a boolean', 'type'), file }];
  const errors = (meta.errors ?? []).filter(({ keyword }) => !['anyOf', 'if'].includes(keyword));
  const found = errors.map((error) => ({
    ...problem(
      pathOf(content, error.instancePath),
      faultText([{ ...error, instancePath: '' }]).slice('the body '.length),
    ),
    file,
  }));
  // Alternatives of the schema of JSON Schema report several errors at one place. The first is the best.
  return found.filter(({ path }, index) => found.findIndex((one) => one.path === path) === index);
}

export class Compiler {
  /** Counts the steps of the running check. */
  readonly budget = new Budget();
  /** Problems of the documents that Ajv cannot add, such as ambiguous references. */
  readonly problems: Problem[] = [];
  readonly #ajv: Ajv2020;

  constructor({ byUri, subschemas }: Documents) {
    this.#ajv = this.#newAjv();
    const marked = new Set<unknown>(subschemas.map(({ schema }) => schema));
    const copies = new Map<SchemaDocument, Plain | boolean>();
    for (const [uri, document] of byUri) {
      const copy = copies.get(document) ?? schemaOf(withSteps(document.content, marked), document);
      copies.set(document, copy);
      this.#add(copy, { uri, document });
    }
  }

  #add(copy: Plain | boolean, { uri, document: { file, problem } }: { uri: string; document: SchemaDocument }): void {
    try {
      this.#ajv.addSchema(copy, uri);
    } catch (error) {
      this.problems.push({ ...problem([], textOf(error)), file });
    }
  }

  /** Returns the validator of the schema at a URI. Throws the error of Ajv if it cannot be compiled. */
  validator(uri: string): Validator {
    const validate = this.#ajv.getSchema(uri);
    if (validate === undefined) throw new Error(`there is no schema ${uri}`);
    const valueFault = (value: unknown) => this.#fault(validate, value);
    return {
      valueFault,
      bodyFault: (body) => {
        const parsed = parseBody(body);
        return 'fault' in parsed ? parsed.fault : valueFault(parsed.value);
      },
    };
  }

  #fault(validate: ValidateFunction, value: unknown): string | undefined {
    this.budget.reset();
    try {
      return validate(value) ? undefined : faultText(validate.errors ?? []);
    } catch (error) {
      if (error instanceof TooManySteps) return `the check of the body needs more than ${mostSteps} steps`;
      if (error instanceof RangeError) return `the body is nested deeper than ${mostDepth} levels`;
      // The code that Ajv 8.20.0 generates throws a TypeError for some bodies, for example with `if` and `unevaluatedProperties`.
      // Without a check, a body is not valid.
      return `the schema cannot check the body: ${textOf(error)}`;
    }
  }

  #newAjv(): Ajv2020 {
    const { budget } = this;
    const ajv = new Ajv2020({
      // JSON Schema ignores unknown keywords, and does not check `format`.
      strict: false,
      validateFormats: false,
      validateSchema: false,
      // JSON.parse sets only own properties.
      ownProperties: true,
      logger: false,
      code: { regExp: Object.assign((pattern: string) => countedPattern(pattern, budget), { code: 'mq' }) },
    });
    replaceKeywords(ajv, budget);
    ajv.addKeyword({
      keyword: stepKeyword,
      before: '$ref',
      errors: false,
      compile: (_: unknown, schema: Plain) => {
        const cost = costOf(schema);
        return (value: unknown) => {
          budget.spend(cost(value));
          return true;
        };
      },
    });
    return ajv;
  }
}

/** Replaces the keywords that Ajv checks with too many steps or without exact arithmetic. */
function replaceKeywords(ajv: Ajv2020, budget: Budget): void {
  ajv.removeKeyword('uniqueItems');
  ajv.addKeyword({
    keyword: 'uniqueItems',
    type: 'array',
    schemaType: 'boolean',
    errors: false,
    validate: (isUnique: boolean, list: readonly unknown[]) => !isUnique || areUnique(list, budget),
  });
  ajv.removeKeyword('multipleOf');
  ajv.addKeyword({
    keyword: 'multipleOf',
    type: 'number',
    schemaType: 'number',
    errors: false,
    error: { message: 'must be a multiple', params: ({ schema }) => _`{ multipleOf: ${schema} }` },
    validate: (divisor: number, value: number) => isMultiple(value, divisor, budget),
  });
}

/** Returns a pattern that counts its steps: a step for each character, and more for a large program. */
function countedPattern(source: string, budget: Budget): { test: (text: string) => boolean; toString: () => string } {
  const { test, size } = compilePattern(source);
  const perCharacter = 1 + size / 32;
  return {
    test: (text) => {
      budget.spend(text.length * perCharacter);
      return test(text);
    },
    // Ajv compares patterns by this text.
    toString: () => source,
  };
}

/** Returns the message of an error of Ajv. */
export function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Returns a copy in which each subschema has the keyword that counts steps. */
function withSteps(value: unknown, marked: ReadonlySet<unknown>): unknown {
  if (Array.isArray(value)) return value.map((one) => withSteps(one, marked));
  if (!isObject(value)) return value;
  const copy = Object.entries(value).map(([key, one]) => [key, withSteps(one, marked)] as const);
  const isCounted = marked.has(value) && copy.length > 0;
  return Object.fromEntries(isCounted ? [...copy, [stepKeyword, true]] : copy);
}

/** Ajv resolves references against the `$id`, which can be relative to the file or absent. */
function schemaOf(value: unknown, { uri }: SchemaDocument): Plain | boolean {
  if (isObject(value)) return { ...value, $id: uri };
  return typeof value === 'boolean' ? value : true;
}

/** Returns the path of a JSON pointer that Ajv has made for the value. */
function pathOf(value: unknown, pointer: string): Path {
  let found = value;
  return pointer
    .split('/')
    .slice(1)
    .map((step) => {
      const key = step.replaceAll('~1', '/').replaceAll('~0', '~');
      const next = Array.isArray(found) ? Number(key) : key;
      found = Array.isArray(found) || isObject(found) ? Reflect.get(found, next) : undefined;
      return next;
    });
}
