// Opens the broker connections of one session, counts and logs their events, and closes them together.

import type { Config, ConnectionConfig } from '../../config/config.ts';
import { rascalSettings } from '../../config/rascal-settings.ts';
import type { Context, Say } from '../../context.ts';
import { MqError } from '../../errors.ts';
import { interrupted } from '../../signal.ts';
import { time } from '../../time.ts';
import type { Counts } from '../counts.ts';
import { hintWithoutDeclaring } from '../declaring/configure.ts';
import { openExisting } from '../declaring/existing.ts';
import type { BrokerConnection } from './broker-connection.ts';
import { openConnection } from './open-connection.ts';
import type { ReconnectLimit } from './reconnect-limiter.ts';

export interface ConnectionsSettings {
  /** Addresses from --url or MQ_URL. If `undefined`, those of rascal.json are used. */
  readonly addresses: readonly ConnectionConfig[] | undefined;
  /** Name of the role. It is part of the connection name. */
  readonly role: string;
  /** Limit for reconnecting. If `undefined`, mq reconnects forever. */
  readonly reconnect?: ReconnectLimit | undefined;
  /** Logs connection events: lost, restored, blocked. */
  readonly say: Say;
  /** Counters that are updated as events occur. */
  readonly counts: Counts;
  /**
   * The signals of the process. The first one ends a session that has no connection yet, or still declares.
   * The second one aborts it. Default none.
   */
  readonly signals?: Pick<Context, 'drain' | 'abandon'> | undefined;
}

interface OpenPlan {
  readonly config: Config;
  readonly needs: Pick<
    Parameters<typeof rascalSettings>[1],
    'publications' | 'subscriptions' | 'bindingKeys' | 'extraQueues' | 'declare'
  >;
  /** If `true`, a declaration that the user may not make is an error, even if the queue or exchange exists. */
  readonly isStrict?: boolean;
  /** Limit for reconnecting. Default: that of the session. */
  readonly reconnect?: ReconnectLimit | undefined;
}

const heartbeatSeconds = 10;
const closeTimeoutMs = 5000;

export class Connections {
  readonly #settings: ConnectionsSettings;
  readonly #redact: (text: string) => string;
  readonly #open: BrokerConnection[] = [];
  readonly #reconnecting = new Set<BrokerConnection>();
  /** Aborts what is being opened. */
  readonly #opening = new AbortController();
  #isClosed = false;

  constructor(settings: ConnectionsSettings, redact: (text: string) => string) {
    this.#settings = settings;
    this.#redact = redact;
    const { signals } = settings;
    if (signals === undefined) return;
    const stop = () => {
      if (this.#open.length === 0) this.#opening.abort(interrupted(signals, 'its connection was not ready'));
    };
    if (signals.drain.aborted) stop();
    else signals.drain.addEventListener('abort', stop, { once: true });
  }

  /** Connects and declares what is needed. `purpose` is part of the connection name and of the log lines. */
  async open(purpose: string, { config, needs, isStrict = false, ...plan }: OpenPlan): Promise<BrokerConnection> {
    const { addresses, role } = this.#settings;
    const { reconnect = this.#settings.reconnect } = plan;
    const connectionName = `mq ${role} ${purpose} ${time.randomUUID().slice(0, 8)}`;
    const settings = rascalSettings(config, {
      ...needs,
      ...(addresses && { addresses: [...addresses] }),
      connectionName,
      heartbeatSeconds,
    });
    const isChecked = (vhost: string, queue: string) =>
      config.declare === false && config.vhosts[vhost]?.queues[queue]?.assert !== false;
    const { signal } = this.#opening;
    const common = { connectionName, closeTimeoutMs, reconnect, redact: this.#redact, isChecked, signal };
    const open = (rascal: typeof settings) => openConnection({ rascalSettings: rascal, ...common });
    const opening = isStrict ? open(settings) : openExisting(settings, open);
    const connection = await (config.declare === false ? withHint(opening) : opening);
    if (this.#isClosed) {
      await connection.close();
      throw new MqError('UNAVAILABLE', 'the session was closed while it connected');
    }
    this.#open.push(connection);
    this.#observe(connection, purpose, reconnect);
    return connection;
  }

  /** Closes gracefully. Never rejects. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#open.map((connection) => connection.close()));
  }

  /** Destroys the sockets at once. All requests fail with the error. The broker requeues all unacknowledged messages. */
  abort(error: MqError): void {
    this.#isClosed = true;
    this.#opening.abort(error);
    for (const connection of this.#open) connection.abort(error);
  }

  #observe(connection: BrokerConnection, purpose: string, reconnect: ReconnectLimit | undefined): void {
    const { say, counts } = this.#settings;
    // The error of a connection that is used only once ends its command.
    const isOnce = reconnect === 'never';
    const fields = { connection: purpose };
    counts.connections += 1;
    counts.connected += 1;
    connection.on('lost', (error) => {
      counts.connected -= 1;
      counts.lost += 1;
      if (isOnce) return;
      this.#logLoss(error, purpose);
      this.#reconnecting.add(connection);
    });
    // All connections leave the node at once, because the others would notice the problem much later.
    connection.on('left', (error, address) => {
      for (const other of this.#open) if (other !== connection && other.address === address) other.leave(error);
    });
    connection.on('connected', () => {
      counts.connected += 1;
      counts.reconnected += 1;
      if (isOnce) return;
      this.#reconnecting.delete(connection);
      if (this.#reconnecting.size === 0) say({ event: 'connected', message: 'connected again', fields });
    });
    connection.on('renewed', ({ source }) => {
      const message = `renewed the token of ${source.from}`;
      say({ level: 'debug', event: 'token-renewed', message, fields });
    });
    connection.on('unrenewed', ({ code, message }) => {
      say({
        level: 'warn',
        event: 'token-not-renewed',
        message: `${message}; trying again`,
        fields: { ...fields, code },
      });
    });
    this.#observeBlocks(connection, fields);
  }

  /** Logs a loss once, because its cause usually affects all connections. */
  #logLoss({ code, message }: MqError, connection: string): void {
    if (this.#reconnecting.size > 0) return;
    const fields = { connection, code };
    this.#settings.say({ level: 'warn', event: 'lost', message: `${message}; connecting again`, fields });
  }

  #observeBlocks(connection: BrokerConnection, fields: { readonly connection: string }): void {
    const { say, counts } = this.#settings;
    let isBlocked = false;
    const block = (now: boolean) => {
      if (now !== isBlocked) counts.blocked += now ? 1 : -1;
      isBlocked = now;
    };
    connection.on('lost', () => block(false));
    connection.on('blocked', (reason) => {
      block(true);
      say({ level: 'warn', event: 'blocked', message: `the broker blocks publishing: ${reason}`, fields });
    });
    connection.on('unblocked', () => {
      block(false);
      say({ event: 'unblocked', message: 'the broker accepts messages again', fields });
    });
  }
}

/** Adds a hint to the error of a queue or exchange that does not exist. */
async function withHint<T>(opening: Promise<T>): Promise<T> {
  try {
    return await opening;
  } catch (error) {
    if (!(error instanceof MqError) || error.code !== 'TOPOLOGY' || error.hint !== undefined) throw error;
    throw new MqError(error.code, error.message, { hint: hintWithoutDeclaring, cause: error });
  }
}
