// Loads the schemas of publications and subscriptions that rascal.json names. Ajv is loaded only if there is one.

import type { Config } from '../config/config.ts';
import type { FailurePolicy } from '../config/role.ts';
import type { SchemaDocument } from './documents.ts';
import type { CompiledSchemas } from './schemas.ts';

/** The schema of the bodies of a publication or subscription. */
export type Contract = ReturnType<CompiledSchemas['contractOf']>;

export interface SubscriptionContract extends Contract {
  /** Policy for a message whose body the schema refuses. */
  readonly onInvalid: FailurePolicy;
}

/** The contracts by the name of the publication or subscription. */
export interface Contracts {
  readonly publications: ReadonlyMap<string, Contract>;
  readonly subscriptions: ReadonlyMap<string, SubscriptionContract>;
  /** Every document that was read, also those that only references name, by URI. */
  readonly documents: ReadonlyMap<string, SchemaDocument>;
}

/** Names of the publications and subscriptions whose contracts are needed. The default is all. */
interface Needed {
  readonly publications?: readonly string[];
  readonly subscriptions?: readonly string[];
}

/**
 * Reads and compiles the schemas. Returns `undefined` if rascal.json names none for what is needed.
 * @throws MqError CONFIG with all problems of all schemas
 */
export async function loadContracts(config: Config, needed: Needed = {}): Promise<Contracts | undefined> {
  const publications = only(config.schemas.publications, needed.publications);
  const subscriptions = only(config.schemas.subscriptions, needed.subscriptions);
  if (publications.length + subscriptions.length === 0) return undefined;
  const { compileSchemas } = await import('./schemas.ts');
  const files = [...publications.map(([, file]) => file), ...subscriptions.map(([, { schema }]) => schema)];
  const { contractOf, documents } = await compileSchemas(files, config);
  return {
    publications: new Map(publications.map(([name, file]) => [name, contractOf(file)])),
    subscriptions: new Map(
      subscriptions.map(([name, { schema, onInvalid = 'dead-letter' }]) => [
        name,
        { ...contractOf(schema), onInvalid },
      ]),
    ),
    documents,
  };
}

function only<Value>(all: Readonly<Record<string, Value>>, names: readonly string[] | undefined): [string, Value][] {
  const entries = Object.entries(all);
  return names === undefined ? entries : entries.filter(([name]) => names.includes(name));
}
