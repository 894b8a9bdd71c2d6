// The management API of a target, as far as tests need it: their vhost, and what is in it.

import { MqError } from '../errors.ts';
import type { Holdings } from '../harness/target.ts';
import { isOwn } from './test-fixture.ts';

export class ManagementApi {
  readonly #urls: readonly string[];

  /** One URL per node, with user and password. */
  constructor(urls: readonly string[]) {
    this.#urls = urls;
  }

  /** Asks the first node that answers. Throws UNAVAILABLE if none does, NOT_PERMITTED or BAD_DATA for what it says. */
  async ask(method: string, path: string, body?: unknown): Promise<unknown> {
    let failure: unknown;
    for (const url of this.#urls) {
      const { origin, username, password } = new URL(url);
      const login = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
      const response = await fetch(new URL(path, origin), {
        method,
        headers: {
          authorization: `Basic ${Buffer.from(login).toString('base64')}`,
          'content-type': 'application/json',
        },
        signal: AbortSignal.timeout(answerMs),
        ...(body !== undefined && { body: JSON.stringify(body) }),
      }).catch((error: unknown) => {
        failure = error;
      });
      if (response === undefined) continue;
      const text = await response.text();
      if (response.ok) return text === '' ? undefined : JSON.parse(text);
      const code = [401, 403].includes(response.status) ? 'NOT_PERMITTED' : 'BAD_DATA';
      throw new MqError(code, `the management API at ${origin}: ${method} ${path}: ${response.status} ${text}`);
    }
    throw new MqError('UNAVAILABLE', 'no management API answers', { cause: failure });
  }

  async holdings(vhost: string): Promise<Holdings> {
    const get = async <T>(path: string) => (await this.ask('GET', `/api/${path}`)) as T;
    const [connections, channels, queues, exchanges, bindings] = await Promise.all([
      get<ConnectionItem[]>(`vhosts/${vhost}/connections`),
      get<ChannelItem[]>(`vhosts/${vhost}/channels`),
      get<QueueItem[]>(`queues/${vhost}`),
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
