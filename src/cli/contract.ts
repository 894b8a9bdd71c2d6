// Loads the contracts that a command needs. Without a schema in rascal.json, nothing is loaded.

import type { Config } from '../config/config.ts';
import type { Contract, Contracts } from '../contracts/load.ts';

/** Returns the contract of a publication, or `undefined` if rascal.json names no schema for it. */
export async function publicationContract(config: Config, publication: string): Promise<Contract | undefined> {
  if (config.schemas.publications[publication] === undefined) return undefined;
  const { loadContracts } = await import('../contracts/load.ts');
  return (await loadContracts(config, { publications: [publication], subscriptions: [] }))?.publications.get(
    publication,
  );
}

/** Returns the contracts of subscriptions by their names. */
export async function subscriptionContracts(
  config: Config,
  subscriptions: readonly string[],
): Promise<Contracts['subscriptions'] | undefined> {
  if (subscriptions.every((name) => config.schemas.subscriptions[name] === undefined)) return undefined;
  const { loadContracts } = await import('../contracts/load.ts');
  return (await loadContracts(config, { publications: [], subscriptions }))?.subscriptions;
}
