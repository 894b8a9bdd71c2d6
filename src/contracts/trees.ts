// Reads the schemas of a rascal.json without compiling them, for commands that derive something from them.

import { dirname, join } from 'node:path';
import { configError } from '../config/check.ts';
import type { Config } from '../config/config.ts';
import { readDocuments } from './documents.ts';
import { type SchemaNode, schemaTree } from './schema-node.ts';

/** The schemas of bodies by the name of the publication or subscription. */
export interface SchemaTrees {
  readonly publications: ReadonlyMap<string, SchemaNode>;
  readonly subscriptions: ReadonlyMap<string, SchemaNode>;
}

/** Reads the schemas that a rascal.json names. Throws CONFIG with all problems if one cannot be read. */
export async function schemaTrees({ file = 'rascal.json', folder = '.', schemas }: Config): Promise<SchemaTrees> {
  const publications = Object.entries(schemas.publications);
  const subscriptions = Object.entries(schemas.subscriptions).map(([name, { schema }]) => [name, schema] as const);
  const names = [...publications, ...subscriptions].map(([, name]) => name);
  const { problems, named, byUri } = await readDocuments([...new Set(names)], folder, schemas.places);
  if (problems.length > 0) {
    const located = problems.map((one) =>
      one.file === undefined ? one : { ...one, file: join(dirname(file), one.file) },
    );
    throw configError(file, located);
  }
  const trees = (entries: readonly (readonly [string, string])[]) =>
    new Map(
      entries.flatMap(([name, schema]) => {
        const document = named.get(schema);
        return document === undefined ? [] : [[name, schemaTree(document, byUri)] as const];
      }),
    );
  return { publications: trees(publications), subscriptions: trees(subscriptions) };
}
