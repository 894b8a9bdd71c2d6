// Checks the body of each message before it is sent. A refused message has the same outcome as one that cannot be sent.

import { MqError } from '../errors.ts';
import type { Contract } from './load.ts';

/** What a role needs of a publisher. */
interface Sender<Message, Outcome> {
  readonly hasRoom: boolean;
  room(): Promise<void>;
  send(message: Message, settle: (outcome: Outcome | Refused) => void): void;
}

interface Refused {
  readonly type: 'refused';
  readonly error: MqError;
}

type Checked = Pick<Contract, 'bodyFault' | 'turn' | 'document'>;

/** Returns a publisher that sends only messages whose body matches the schema. */
export function checkedSender<Message extends { readonly body: Buffer }, Outcome>(
  sender: Sender<Message, Outcome>,
  contract: Checked,
): Sender<Message, Outcome> {
  const { turn } = contract;
  return {
    get hasRoom() {
      return sender.hasRoom && !turn.isOver;
    },
    async room() {
      await turn.next();
      if (!sender.hasRoom) await sender.room();
    },
    send(message, settle) {
      const error = bodyError(message.body, contract);
      if (error === undefined) sender.send(message, settle);
      else settle({ type: 'refused', error });
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

/** Returns the error of a body that does not match the schema of its publication. */
export function bodyError(body: Buffer, { bodyFault, document }: Checked): MqError | undefined {
  const fault = bodyFault(body);
  if (fault === undefined) return undefined;
  return new MqError('BAD_DATA', `the message does not match ${document.file}: ${fault}`, {
    hint: 'nothing was sent for it; mq.publications in rascal.json names the schema',
  });
}
