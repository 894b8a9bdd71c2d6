// Uses the management API of an external broker for a test file: reads and purges the content of the file's vhost.

import { parseManagement } from '../admin/address.ts';
import { Management, type Method } from '../admin/client.ts';
import { MqError } from '../errors.ts';
import type { VhostContent } from '../harness/target.ts';
import { connectionWithLogin } from '../login/apply.ts';
import type { Login } from '../login/login.ts';
import { isOwn } from './connection-name.ts';

export class ManagementApi {
  readonly #api: Management;

  /**
   * @param urls one URL for each node, with user and password
   * @param login login for URLs without a user
   */
  constructor(urls: readonly string[], login: Login = {}) {
    const connection = connectionWithLogin({}, login);
    const addresses = urls.flatMap((url) => parseManagement(url, { at: '--management-url', login: connection }));
    this.#api = new Management({ addresses, timeoutMs: answerMs });
  }

  /** Sends a request. `path` starts with /api. Throws the errors of `Management.request`. */
  ask(method: Method, path: string, body?: unknown): Promise<unknown> {
    return this.#api.request(method, path.replace(/^\/api/, ''), body);
  }

  /** Closes all its connections. */
  close(): void {
    this.#api.close();
  }

  /** Purges all queues that other clients can use. Streams are deleted, because they cannot be purged. */
  async purge(vhost: string): Promise<void> {
    const queues = (await this.ask('GET', `/api/queues/${vhost}?disable_stats=true`)) as readonly QueueItem[];
    const empty = async ({ name, type, exclusive }: QueueItem) => {
      if (exclusive === true) return;
      const path = `/queues/${vhost}/${encodeURIComponent(name)}`;
      const { status } = await this.#api.ask('DELETE', type === 'stream' ? path : `${path}/contents`);
      // 404: it was deleted after it was listed.
      if (status >= 300 && status !== 404)
        throw new MqError('UNAVAILABLE', `the queue ${name} cannot be emptied (HTTP ${status})`);
    };
    await Promise.all(queues.map(empty));
  }

  async content(vhost: string): Promise<VhostContent> {
    const get = async <T>(path: string) => (await this.ask('GET', `/api/${path}`)) as T;
    const [connections, channels, queues, exchanges, bindings] = await Promise.all([
      get<ConnectionItem[]>(`vhosts/${vhost}/connections`),
      get<ChannelItem[]>(`vhosts/${vhost}/channels`),
      // RabbitMQ's statistics are seconds old.
      get<QueueItem[]>(`queues/${vhost}?disable_stats=true&enable_queue_totals=true`),
      get<ExchangeItem[]>(`exchanges/${vhost}`),
      get<BindingItem[]>(`bindings/${vhost}`),
    ]);
    return {
      connections: connections
        .filter(({ user_provided_name: name }) => name === undefined || !isOwn(name))
        .map(({ name, user_provided_name: own }) => {
          const of = channels.filter(({ connection_details: details }) => details?.name === name);
          const unacked = of.reduce((sum, one) => sum + (one.messages_unacknowledged ?? 0), 0);
          return { name: [own, name].filter(Boolean).join(' '), channels: of.length, unacked };
        }),
      queues: queues.map(({ name, messages_ready: ready = 0, messages_unacknowledged: unacked = 0 }) => ({
        name,
        ready,
        unacked,
      })),
      exchanges: exchanges.map(({ name, type, arguments: { 'alternate-exchange': alternate } = {} }) => ({
        name,
        type,
        ...(typeof alternate === 'string' && { alternate }),
      })),
      bindings: bindings
        .filter(({ source }) => source !== '')
        .map(({ source, destination, destination_type: destinationType, routing_key: key, arguments: all }) => ({
          source,
          destination,
          destinationType,
          key,
          arguments: all,
        })),
    };
  }
}

const answerMs = 15_000;

interface ConnectionItem {
  readonly name: string;
  readonly user_provided_name?: string;
}
interface ChannelItem {
  readonly connection_details?: { readonly name?: string };
  readonly messages_unacknowledged?: number;
}
interface QueueItem {
  readonly name: string;
  readonly type?: string;
  readonly exclusive?: boolean;
  readonly messages_ready?: number;
  readonly messages_unacknowledged?: number;
}
interface ExchangeItem {
  readonly name: string;
  readonly type: string;
  readonly arguments?: Readonly<Record<string, unknown>>;
}
interface BindingItem {
  readonly source: string;
  readonly destination: string;
  readonly destination_type: 'queue' | 'exchange';
  readonly routing_key: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}
