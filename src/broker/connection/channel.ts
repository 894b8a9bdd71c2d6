// One channel: which methods it takes, in which state, and who answers them. An error of channel scope ends here.

import { frameTypes } from '../codec/frames.ts';
import { decodeMethod, type Method, type MethodInput, type MethodName, methodKey } from '../codec/methods.ts';
import { messageCounters } from '../counters.ts';
import { ProtocolError } from '../protocol-error.ts';
import type { Work } from '../slices.ts';
import type { VirtualHost } from '../vhost/vhost.ts';
import type { ChannelScope, ConnectionScope } from './channel-scope.ts';
import { Deliveries } from './deliveries.ts';
import { Publisher } from './publisher.ts';
import { declare } from './topology.ts';
import { Transaction } from './transaction.ts';

const publishKey = methodKey(60, 40);
const ackKey = methodKey(60, 80);
const commitKey = methodKey(90, 20);

/** What a channel needs of its connection. */
export interface ChannelOwner extends ConnectionScope {
  /** Removes a channel that is closed. */
  forget(channel: { readonly number: number }): void;
}

export class Channel implements ChannelScope {
  readonly number: number;
  readonly connection: ChannelOwner;
  readonly vhost: VirtualHost;
  readonly publisher: Publisher;
  readonly deliveries: Deliveries;
  readonly counters = messageCounters();
  transaction: Transaction | undefined;
  /** AMQP 0-9-1, 1.7.2.1.2: the queue that is meant where a method names none. */
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
    return this.deliveries.replyAddress;
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

  /** One frame of the peer. Errors of connection scope are thrown on. */
  receive(type: number, buffer: Buffer, start: number, end: number): void {
    // What is wrong with content is wrong with the basic.publish before it.
    const key = type === frameTypes.method && end - start >= 4 ? buffer.readUInt32BE(start) : publishKey;
    if (this.isClosing) {
      if (type === frameTypes.method) this.#takeWhileClosing(key);
      return;
    }
    try {
      if (type !== frameTypes.method) this.publisher.takeContent(type, buffer, start, end);
      else {
        this.publisher.expectNoContent();
        if (key === publishKey) this.publisher.begin(buffer, start + 4, end);
        else if (key === ackKey && end - start === 13) {
          const tag = buffer.readUInt32BE(start + 4) * 0x1_0000_0000 + buffer.readUInt32BE(start + 8);
          this.deliveries.ack(tag, (buffer[start + 12] as number) !== 0);
        } else this.#dispatch(decodeMethod(buffer, start, end));
      }
    } catch (error) {
      if (!(error instanceof ProtocolError) || error.scope !== 'channel') throw withMethod(error, key);
      this.#refuse(error, key);
    }
  }

  /** Once a turn. */
  flush(): void {
    if (!this.isClosing) this.publisher.flush();
  }

  /** Everything that it holds goes back, then `done` is called; nothing is sent. */
  release(done?: () => void): void {
    this.isClosing = true;
    this.publisher.release();
    this.connection.inOrder(this.#released(), done);
  }

  *#released(): Work {
    if (this.transaction !== undefined) yield* this.transaction.rolledBack();
    yield* this.deliveries.released();
  }

  #dispatch(method: Method): void {
    switch (method.name) {
      case 'channel.open':
        throw new ProtocolError('CHANNEL_ERROR', "second 'channel.open' seen");
      case 'channel.close':
        this.publisher.flush();
        this.release(() => {
          this.send('channel.close-ok', {});
          this.connection.forget(this);
        });
        return;
      case 'channel.close-ok':
        return;
      case 'channel.flow':
        if (!method.fields.active) throw new ProtocolError('NOT_IMPLEMENTED', 'active=false');
        this.send('channel.flow-ok', { active: true });
        return;
      case 'channel.flow-ok':
        return;
      case 'access.request':
        // Of AMQP 0-8. RabbitMQ answers old clients that there is a ticket.
        this.send('access.request-ok', { ticket: 1 });
        return;
      case 'confirm.select':
        this.publisher.confirm();
        if (!method.fields.noWait) this.send('confirm.select-ok', {});
        return;
      case 'tx.select':
        if (this.publisher.isConfirming) {
          throw new ProtocolError('PRECONDITION_FAILED', 'cannot switch from confirm to tx mode');
        }
        this.transaction ??= new Transaction({
          memory: this.vhost.memory,
          publisher: this.publisher,
          deliveries: this.deliveries,
        });
        this.send('tx.select-ok', {});
        return;
      case 'tx.commit':
        this.connection.inOrder(this.#committed(this.#inTransaction()));
        return;
      case 'tx.rollback':
        this.connection.inOrder(this.#inTransaction().rolledBack(), () => this.send('tx.rollback-ok', {}));
        return;
      default:
        if (this.deliveries.dispatch(method) || declare(this, method)) return;
        // Only a server sends it, or not on a channel.
        throw new ProtocolError('COMMAND_INVALID', 'unimplemented method');
    }
  }

  /** Answers when everything is done, and on disk where it has to be. */
  *#committed(transaction: Transaction): Work {
    let isStored = false;
    try {
      isStored = yield* transaction.committed();
    } catch (error) {
      if (!(error instanceof ProtocolError) || error.scope !== 'channel') throw withMethod(error, commitKey);
      if (!this.isClosing) this.#refuse(error, commitKey);
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

  #inTransaction(): Transaction {
    if (this.transaction === undefined) {
      throw new ProtocolError('PRECONDITION_FAILED', 'channel is not transactional');
    }
    return this.transaction;
  }

  /** AMQP 0-9-1, 1.5.2.5: after channel.close nothing counts but close and close-ok. */
  #takeWhileClosing(key: number): void {
    if (key === methodKey(20, 40)) this.send('channel.close-ok', {});
    else if (key === methodKey(20, 41)) this.connection.forget(this);
  }

  #refuse(error: ProtocolError, key: number): void {
    this.publisher.flush();
    this.connection.log(`${this.connection.name} channel ${this.number}: ${error.logText}`);
    this.release(() => {
      this.send('channel.close', { ...closeFields(error), classId: key >>> 16, methodId: key & 0xffff });
    });
  }
}

/** Reply code and text of a close; a short string holds 255 bytes. */
export function closeFields(error: ProtocolError): { replyCode: number; replyText: string } {
  const bytes = Buffer.from(error.replyText);
  // Not in the middle of a character.
  let length = Math.min(bytes.length, 255);
  while (length < bytes.length && ((bytes[length] as number) & 0xc0) === 0x80) length--;
  return { replyCode: error.replyCode, replyText: bytes.toString('utf8', 0, length) };
}

/** Which method the error is about, for connection.close. */
function withMethod(error: unknown, key: number): unknown {
  if (error instanceof ProtocolError) error.methodKey ??= key;
  return error;
}
