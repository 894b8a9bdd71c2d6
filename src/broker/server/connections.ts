// The client connections of a broker, from accept(2) until their sockets are closed.

import type { Socket } from 'node:net';
import { time } from '../../time.ts';
import type { BrokerState } from '../connection/broker-state.ts';
import { Connection, type ConnectionEvents } from '../connection/connection.ts';
import type { ChurnCounters } from '../counters.ts';
import type { VirtualHost } from '../vhost/vhost.ts';

/** When the broker closes, sockets that are still open after this time are destroyed. */
const closeMs = 4_000;

export class ClientConnections implements ConnectionEvents {
  /** Connections whose handshake is done. */
  readonly open = new Set<Connection>();
  readonly #all = new Set<Connection>();
  /** Open sockets. With TLS, a socket is open before its AMQP connection exists. */
  readonly #sockets = new Set<Socket>();
  readonly #churn: ChurnCounters;

  constructor(churn: ChurnCounters) {
    this.#churn = churn;
  }

  /** Records an open socket, so that `close` waits for it. */
  track(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
  }

  accept(socket: Socket, state: BrokerState): void {
    this.#all.add(new Connection(socket, state, this));
  }

  onOpen(connection: Connection): void {
    this.open.add(connection);
    connection.interference?.opened(connection);
    this.#churn.connection_created++;
  }

  onGone(connection: Connection): void {
    if (this.open.delete(connection)) this.#churn.connection_closed++;
    this.#all.delete(connection);
  }

  /** Sends connection.blocked or connection.unblocked to clients that publish. */
  block(isBlocked: boolean): void {
    for (const connection of this.open) connection.block(isBlocked);
  }

  closeVhost(vhost: VirtualHost): void {
    for (const connection of this.#all) {
      if (connection.vhost === vhost) connection.close(`vhost '${vhost.name}' is deleted`);
    }
  }

  /** Closes all connections. Resolves when all sockets are closed. Destroys the sockets of clients that do not answer. */
  async close(): Promise<void> {
    for (const connection of this.#all) connection.close("broker forced connection closure with reason 'shutdown'");
    const timer = time.after(closeMs, () => {
      for (const socket of this.#sockets) socket.destroy();
    });
    const closed = (socket: Socket) => new Promise<void>((resolve) => socket.once('close', () => resolve()));
    await Promise.all(Array.from(this.#sockets, closed));
    timer.cancel();
  }
}
