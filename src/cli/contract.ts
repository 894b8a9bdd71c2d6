// Loads the contracts that a command needs. Without a schema in rascal.json, nothing is loaded.

import type { Config } from '../config/config.ts';
import type { Sent } from '../contracts/by-destination.ts';
import type { MessageCheck } from '../contracts/checked-sending.ts';
import type { Contract, Contracts } from '../contracts/contracts.ts';
import type { ReplaySettings, ReplayTarget } from '../roles/replay.ts';

type Place = Sent & { readonly vhost: string };

/** Returns the contract of a publication, or `undefined` if rascal.json names no schema for it. */
export async function publicationContract(config: Config, publication: string): Promise<Contract | undefined> {
  if (config.schemas.publications[publication] === undefined) return undefined;
  const { loadContracts } = await import('../contracts/contracts.ts');
  return (await loadContracts(config, { publications: [publication], subscriptions: [] }))?.publications.get(
    publication,
  );
}

/** Returns the contract of messages to an exchange or queue, by the broker's names, or `undefined` if no schema applies. */
export async function destinationContract(config: Config, to: Place): Promise<Contract | undefined> {
  const contracts = await allContracts(config);
  if (!contracts) return undefined;
  const checks = await import('../contracts/checked-sending.ts');
  return checks.destinationContract(config, contracts, to);
}

/** Returns the check of messages by their exchange and routing key, or `undefined` if rascal.json names no schema. */
export async function destinationCheck(
  config: Config,
  vhost: string,
): Promise<MessageCheck<Sent & { readonly body: Buffer }> | undefined> {
  const contracts = await allContracts(config);
  if (!contracts) return undefined;
  const checks = await import('../contracts/checked-sending.ts');
  return checks.destinationCheck(config, contracts, vhost);
}

/** Returns the check of replayed messages: of the publication, or of those that the exchange and routing key determine. */
export async function replayCheck(
  config: Config,
  target: ReplayTarget,
  vhost: string,
): Promise<ReplaySettings['check']> {
  if (target.to !== 'publication') return destinationCheck(config, vhost);
  const contract = await publicationContract(config, target.name);
  return contract && (await import('../contracts/checked-sending.ts')).checkOf(contract);
}

async function allContracts(config: Config): Promise<Contracts['publications'] | undefined> {
  if (Object.keys(config.schemas.publications).length === 0) return undefined;
  const { loadContracts } = await import('../contracts/contracts.ts');
  return (await loadContracts(config, { subscriptions: [] }))?.publications;
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
