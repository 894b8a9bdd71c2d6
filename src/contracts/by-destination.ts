// Finds the contract of a message by its exchange and routing key, for messages that do not name their publication.

import { type Config, namePrefix } from '../config/config.ts';
import type { Contract } from './contracts.ts';

/** Place to which a message is published, by the broker's names. */
export interface Sent {
  readonly exchange: string;
  readonly routingKey: string;
}

export interface NamedContract {
  readonly publication: string;
  readonly contract: Contract;
}

interface Candidate extends Sent {
  readonly publication: string;
  /** `undefined` if rascal.json names no schema for the publication. */
  readonly contract: Contract | undefined;
}

/**
 * Returns a function that returns the contracts of which a message must match one. They are those of the publications with the
 * exchange and routing key of the message, or otherwise with its exchange. The list is empty if one of them has no schema.
 * @param of vhost of the messages in rascal.json. Without it, the publications of all vhosts count
 */
export function contractsByDestination(
  { publications, vhosts }: Config,
  contracts: ReadonlyMap<string, Contract>,
  of?: string,
): (message: Sent) => readonly NamedContract[] {
  const byExchange = new Map<string, Candidate[]>();
  for (const [publication, { vhost, exchange = '', queue, routingKey = '' }] of Object.entries(publications)) {
    if (vhost !== (of ?? vhost)) continue;
    const prefix = namePrefix(vhosts[vhost]);
    const target =
      queue === undefined
        ? { exchange: qualified(prefix, exchange), routingKey }
        : { exchange: '', routingKey: prefix + queue };
    const candidate = { ...target, publication, contract: contracts.get(publication) };
    byExchange.set(target.exchange, [...(byExchange.get(target.exchange) ?? []), candidate]);
  }
  return ({ exchange, routingKey }) => {
    const all = byExchange.get(exchange) ?? [];
    const exact = all.filter((one) => one.routingKey === routingKey);
    // The default exchange routes by the name of the queue.
    const candidates = exact.length > 0 || exchange === '' ? exact : all;
    const named = candidates.flatMap(({ publication, contract }) => (contract ? [{ publication, contract }] : []));
    return named.length === candidates.length ? named : [];
  };
}

function qualified(prefix: string, exchange: string): string {
  return exchange === '' ? '' : prefix + exchange;
}

/** Returns the publication whose schema a body does not match, and why, or `undefined` if it matches one of the contracts. */
export function faultOfAll(
  body: Buffer,
  contracts: readonly NamedContract[],
): (NamedContract & { readonly fault: string }) | undefined {
  let first: (NamedContract & { readonly fault: string }) | undefined;
  for (const one of contracts) {
    const fault = one.contract.bodyFault(body);
    if (fault === undefined) return undefined;
    first ??= { ...one, fault };
  }
  return first;
}
