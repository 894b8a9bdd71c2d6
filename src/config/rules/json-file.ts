// Checks a JSON file of mq other than rascal.json, such as the users of the embedded broker.

import type { Field } from '../fields/field.ts';
import { objectOf, type Plain } from '../plain.ts';
import { offsetAt, plainOf } from '../reading/item.ts';
import { parse } from '../reading/parse.ts';
import { configError, type Finding, type Path, problemsOf } from '../reading/problem.ts';
import { checkShape } from './shape.ts';

/** A problem that the table of fields cannot describe. */
type Fault = { readonly path: Path; readonly message: string };

interface JsonFile {
  /** Name for messages. */
  readonly file: string;
  readonly field: Field;
  /** Returns further problems of a file whose values have a valid form. */
  readonly faults?: (content: Plain) => readonly Fault[] | Promise<readonly Fault[]>;
}

/** Returns the content of the file. Throws CONFIG with the position of each problem. */
export async function checkedJson(text: string, { file, field, faults }: JsonFile): Promise<Plain> {
  const { tree, findings } = parse(text);
  if (tree === undefined) throw configError(file, problemsOf(text, findings));
  const all: Finding[] = [...findings, ...checkShape(tree, field)];
  if (all.length > 0) throw configError(file, problemsOf(text, all));
  const content = objectOf(plainOf(tree));
  const more = (await faults?.(content)) ?? [];
  const located = more.map((one) => ({ code: 'value', ...one, offset: offsetAt(tree, one.path) }) as const);
  if (located.length > 0) throw configError(file, problemsOf(text, located));
  return content;
}
