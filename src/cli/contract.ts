// Loads the contracts that a command needs. Without a schema in rascal.json, nothing is loaded.

import type { Config } from '../config/config.ts';
import type { Contract, Contracts } from '../contracts/contracts.ts';
import type { ReplaySettings, ReplayTarget } from '../roles/replay.ts';

/** Returns the contract of a publication, or `undefined` if rascal.json names no schema for it. */
export async function publicationContract(config: Config, publication: string): Promise<Contract | undefined> {
  if (config.schemas.publications[publication] === undefined) return undefined;
  const { loadContracts } = await import('../contracts/contracts.ts');
  return (await loadContracts(config, { publications: [publication], subscriptions: [] }))?.publications.get(
    publication,
  );
}

/** Returns the check of replayed messages: of the publication, or of those that the exchange and routing key determine. */
export async function replayCheck(config: Config, target: ReplayTarget): Promise<ReplaySettings['check']> {
  if (Object.keys(config.schemas.publications).length === 0) return undefined;
  const [{ loadContracts }, { checkOf, destinationCheck }] = await Promise.all([
    import('../contracts/contracts.ts'),
    import('../contracts/checked-sending.ts'),
  ]);
  const publications = target.to === 'publication' ? [target.name] : Object.keys(config.schemas.publications);
  const contracts = (await loadContracts(config, { publications, subscriptions: [] }))?.publications ?? new Map();
  if (target.to !== 'publication') return destinationCheck(config, contracts);
  const contract = contracts.get(target.name);
  return contract && checkOf(contract);
}

/** Returns the contracts of subscriptions by their names. */
export async function subscriptionContracts(
  config: Config,
  subscriptions: readonly string[],
): Promise<Contracts['subscriptions'] | undefined> {
  if (subscriptions.every((name) => config.schemas.subscriptions[name] === undefined)) return undefined;
  const { loadContracts } = await import('../contracts/contracts.ts');
  return (await loadContracts(config, { publications: [], subscriptions }))?.subscriptions;
}
