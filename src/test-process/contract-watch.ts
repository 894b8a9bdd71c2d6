// Checks the messages that the roles and other clients of a test publish to the embedded broker. The client of the fixtures checks
// its own messages.

import type { Config } from '../config/config.ts';
import { contractsByDestination, faultOfAll, type NamedContract } from '../contracts/by-destination.ts';
import type { Contracts } from '../contracts/contracts.ts';

interface SeenMessage {
  readonly exchange: string;
  readonly routingKey: string;
  readonly message: { body(): Buffer };
}

export class ContractWatch {
  #contractsOf: ((message: SeenMessage) => readonly NamedContract[]) | undefined;
  #faults: string[] = [];

  use(config: Config, { publications }: Contracts): void {
    this.#contractsOf = contractsByDestination(config, publications);
  }

  see(seen: SeenMessage): void {
    const contracts = this.#contractsOf?.(seen) ?? [];
    if (contracts.length === 0) return;
    const found = faultOfAll(seen.message.body(), contracts);
    if (found === undefined) return;
    const { publication, contract, fault } = found;
    this.#faults.push(
      `a message to the publication "${publication}" does not match ${contract.document.file}: ${fault}`,
    );
  }

  /** Returns the messages that did not match since the last call. */
  take(): readonly string[] {
    const faults = this.#faults;
    this.#faults = [];
    return faults;
  }
}
