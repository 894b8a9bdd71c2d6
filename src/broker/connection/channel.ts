// One channel. It passes each method to the part that answers it, and catches the errors of channel scope.

import { frameTypes } from '../codec/frames.ts';
import { decodeMethod, type Method, type MethodInput, type MethodName, methodKey } from '../codec/methods.ts';
import { messageCounters } from '../counters.ts';
import { ProtocolError } from '../protocol-error.ts';
import type { Work } from '../slices.ts';
import type { VirtualHost } from '../vhost/vhost.ts';
import type { ChannelScope, ConnectionScope } from './channel-scope.ts';
import { Deliveries } from './deliveries.ts';
import { Publisher } from './publisher.ts';
import { answerTopologyMethod } from './topology.ts';
import { Transaction } from './transaction.ts';

const publishKey = methodKey(60, 40);
const ackKey = methodKey(60, 80);
const commitKey = methodKey(90, 20);
const closeKey = methodKey(20, 40);
const closeOkKey = methodKey(20, 41);

/** The interface of the connection for its channels. */
export interface ChannelOwner extends ConnectionScope {
  /** Removes a channel that is closed. */
  removeChannel(channel: { readonly number: number }): void;
}

export class Channel implements ChannelScope {
  readonly number: number;
  readonly connection: ChannelOwner;
  readonly vhost: VirtualHost;
  readonly publisher: Publisher;
  readonly deliveries: Deliveries;
  readonly counters = messageCounters();
  transaction: Transaction | undefined;
  lastQueue = '';
  isClosing = false;

  constructor(number: number, connection: ChannelOwner, vhost: VirtualHost) {
    this.number = number;
    this.connection = connection;
    this.vhost = vhost;
    this.publisher = new Publisher(this);
    this.deliveries = new Deliveries(this);
  }

  get replyAddress(): string | undefined {
    return this.deliveries.replyConsumer.address;
  }

  /** AMQP 0-9-1, 1.7.2.1.2: an empty name means the queue that was declared last on the channel. */
  queueNamed(name: string): string {
    if (name !== '') return name;
    if (this.lastQueue === '') throw new ProtocolError('NOT_FOUND', 'no previously declared queue');
    return this.lastQueue;
  }

  send<N extends MethodName>(name: N, fields: MethodInput<N>): void {
    this.connection.output.method(this.number, name, fields);
  }

  /** Receives one frame of the client. Throws errors of connection scope. */
  receive(type: number, buffer: Buffer, start: number, end: number): void {
    // An error in the content is an error of the basic.publish before it.
    const key = type === frameTypes.method && end - start >= 4 ? buffer.readUInt32BE(start) : publishKey;
    if (this.isClosing) {
      if (type === frameTypes.method) this.#receiveWhileClosing(key);
      return;
    }
    try {
      if (type !== frameTypes.method) this.publisher.receiveContent(type, buffer, start, end);
      else {
        this.publisher.expectNoContent();
        if (key === publishKey) this.publisher.begin(buffer, start + 4, end);
        else if (key === ackKey && end - start === 13) {
          const tag = buffer.readUInt32BE(start + 4) * 0x1_0000_0000 + buffer.readUInt32BE(start + 8);
          this.deliveries.ack(tag, buffer[start + 12] !== 0);
        } else this.#dispatch(decodeMethod(buffer, start, end));
      }
    } catch (error) {
      this.#refuse(error, key);
    }
  }

  /** Sends the confirms of this tick. */
  flush(): void {
    if (!this.isClosing) this.publisher.flush();
  }

  /** Rolls back the transaction and requeues the unacknowledged messages, then calls `done`. Sends nothing itself. */
  release(done?: () => void): void {
    this.isClosing = true;
    this.publisher.release();
    this.connection.inOrder(this.#released(), done);
  }

  *#released(): Work {
    if (this.transaction !== undefined) yield* this.transaction.rollback();
    yield* this.deliveries.release();
  }

  #dispatch(method: Method): void {
    if (this.deliveries.dispatch(method)) return;
    if (this.#answerChannelMethod(method) || this.#answerTransactionMethod(method)) return;
    if (answerTopologyMethod(this, method)) return;
    // Only a server may send this method, or it belongs to the class connection.
    throw new ProtocolError('COMMAND_INVALID', 'unimplemented method');
  }

  /** Returns false for a method of another kind. */
  #answerChannelMethod(method: Method): boolean {
    switch (method.name) {
      case 'channel.open':
        throw new ProtocolError('CHANNEL_ERROR', "second 'channel.open' seen");
      case 'channel.close':
        this.publisher.flush();
        this.release(() => {
          this.send('channel.close-ok', {});
          this.connection.removeChannel(this);
        });
        return true;
      case 'channel.flow':
        if (!method.fields.active) throw new ProtocolError('NOT_IMPLEMENTED', 'active=false');
        this.send('channel.flow-ok', { active: true });
        return true;
      case 'access.request':
        // Old clients send this method of AMQP 0-8, and RabbitMQ still answers it.
        this.send('access.request-ok', { ticket: 1 });
        return true;
      case 'confirm.select':
        this.publisher.confirm();
        if (!method.fields.noWait) this.send('confirm.select-ok', {});
        return true;
      default:
        return method.name === 'channel.close-ok' || method.name === 'channel.flow-ok';
    }
  }

  /** Returns false for a method of another kind. */
  #answerTransactionMethod({ name }: Method): boolean {
    switch (name) {
      case 'tx.select':
        this.#beginTransaction();
        this.send('tx.select-ok', {});
        return true;
      case 'tx.commit':
        this.connection.inOrder(this.#commit(this.#currentTransaction()));
        return true;
      case 'tx.rollback':
        this.connection.inOrder(this.#currentTransaction().rollback(), () => this.send('tx.rollback-ok', {}));
        return true;
      default:
        return false;
    }
  }

  #beginTransaction(): void {
    if (this.publisher.isConfirming) {
      throw new ProtocolError('PRECONDITION_FAILED', 'cannot switch from confirm to tx mode');
    }
    const { publisher, deliveries, vhost } = this;
    this.transaction ??= new Transaction({ memory: vhost.memory, publisher, unacked: deliveries.unacked });
  }

  #currentTransaction(): Transaction {
    if (this.transaction === undefined) {
      throw new ProtocolError('PRECONDITION_FAILED', 'channel is not transactional');
    }
    return this.transaction;
  }

  /** Commits the transaction, and answers when its persistent messages are on disk. */
  *#commit(transaction: Transaction): Work {
    let isStored = false;
    try {
      isStored = yield* transaction.commit();
    } catch (error) {
      this.#refuse(error, commitKey);
      return;
    }
    const { store } = this.vhost;
    if (isStored && store !== undefined) store.committed((error) => this.#answerCommit(error));
    else this.#answerCommit();
  }

  #answerCommit(error?: Error): void {
    if (this.isClosing) return;
    if (error === undefined) this.send('tx.commit-ok', {});
    else this.connection.fail(error);
  }

  /** AMQP 0-9-1, 1.5.2.5: after channel.close, a peer ignores all methods except close and close-ok. */
  #receiveWhileClosing(key: number): void {
    if (key === closeKey) this.send('channel.close-ok', {});
    else if (key === closeOkKey) this.connection.removeChannel(this);
  }

  /** Closes the channel because of an error of channel scope. Throws any other error. */
  #refuse(error: unknown, key: number): void {
    if (!(error instanceof ProtocolError)) throw error;
    if (error.scope !== 'channel') {
      error.methodKey ??= key;
      throw error;
    }
    if (this.isClosing) return;
    this.publisher.flush();
    this.connection.log(`${this.connection.name} channel ${this.number}: ${error.logText}`);
    this.release(() => {
      this.send('channel.close', { ...closeFields(error), classId: key >>> 16, methodId: key & 0xffff });
    });
  }
}

/** Returns reply code and text of a close method. Shortens the text to 255 bytes, but does not cut a character in two. */
export function closeFields(error: ProtocolError): { replyCode: number; replyText: string } {
  const bytes = Buffer.from(error.replyText);
  let length = Math.min(bytes.length, 255);
  while (length < bytes.length && isContinuation(bytes[length])) length--;
  return { replyCode: error.replyCode, replyText: bytes.toString('utf8', 0, length) };
}

/** Returns true for the second or a later byte of a UTF-8 character. */
function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}
