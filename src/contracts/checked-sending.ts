// Checks the body of each message before it is sent. A refused message has the same outcome as one that cannot be sent.

import type { Config } from '../config/config.ts';
import { MqError } from '../errors.ts';
import { contractsByDestination, faultOfAll, type Sent } from './by-destination.ts';
import type { Contract } from './contracts.ts';

/** The part of a publisher that roles use. */
interface Sender<Message, Outcome> {
  readonly hasRoom: boolean;
  room(): Promise<void>;
  send(message: Message, settle: (outcome: Outcome) => void): void;
  /** Settles a message that must not be sent. */
  refuse(error: MqError, settle: (outcome: Outcome) => void): void;
}

type Checked = Pick<Contract, 'bodyFault' | 'turn' | 'document'>;

/** Checks the messages of one sender. */
export interface MessageCheck<Message> {
  readonly turn: Contract['turn'];
  readonly errorOf: (message: Message) => MqError | undefined;
}

/** Returns the check of messages of one publication. */
export function checkOf(contract: Checked): MessageCheck<{ readonly body: Buffer }> {
  return { turn: contract.turn, errorOf: ({ body }) => bodyError(body, contract) };
}

/** Returns a publisher that sends only messages that pass the check. */
export function checkedSender<Message extends { readonly body: Buffer }, Outcome>(
  sender: Sender<Message, Outcome>,
  { turn, errorOf }: MessageCheck<Message>,
): Omit<Sender<Message, Outcome>, 'refuse'> {
  return {
    get hasRoom() {
      return sender.hasRoom && !turn.isOver;
    },
    async room() {
      await turn.next();
      if (!sender.hasRoom) await sender.room();
    },
    send(message, settle) {
      const error = errorOf(message);
      if (error === undefined) sender.send(message, settle);
      else sender.refuse(error, settle);
    },
  };
}

/** Returns a requester that sends only requests whose body matches the schema. */
export function checkedRequester<Message extends { readonly body: Buffer }, Reply>(
  requester: { request(message: Message): Promise<Reply> },
  contract: Checked,
): { request(message: Message): Promise<Reply> } {
  return {
    async request(message) {
      await contract.turn.next();
      const error = bodyError(message.body, contract);
      if (error !== undefined) throw error;
      return requester.request(message);
    },
  };
}

/**
 * Returns the check of messages whose exchange and routing key determine their publications, or `undefined` without schemas.
 * @param vhost vhost of the messages in rascal.json
 */
export function destinationCheck(
  config: Config,
  contracts: ReadonlyMap<string, Contract>,
  vhost: string,
): MessageCheck<Sent & { readonly body: Buffer }> | undefined {
  const [any] = contracts.values();
  if (any === undefined) return undefined;
  const contractsOf = contractsByDestination(config, contracts, vhost);
  return {
    turn: any.turn,
    errorOf: (message) => {
      const found = faultOfAll(message.body, contractsOf(message));
      return found && mismatch(found.contract.document.file, found.fault);
    },
  };
}

/** Returns the contract of all messages to one place, or `undefined` if no schema applies to them. */
export function destinationContract(
  config: Config,
  contracts: ReadonlyMap<string, Contract>,
  { vhost, ...sent }: Sent & { readonly vhost: string },
): Contract | undefined {
  const found = contractsByDestination(config, contracts, vhost)(sent);
  const [first] = found;
  return first && { ...first.contract, bodyFault: (body) => faultOfAll(body, found)?.fault };
}

/** Returns the error of a body that does not match the schema of its publication. */
export function bodyError(body: Buffer, { bodyFault, document }: Checked): MqError | undefined {
  const fault = bodyFault(body);
  return fault === undefined ? undefined : mismatch(document.file, fault);
}

function mismatch(file: string, fault: string): MqError {
  return new MqError('BAD_DATA', `the message does not match ${file}: ${fault}`, {
    hint: 'nothing was sent for it; mq.publications in rascal.json names the schema',
  });
}
