// Answers the HTTP requests of the page: its files, the catalog, the depths, checks of names, and messages to publish.

import type { IncomingMessage } from 'node:http';
import { rememberAbsent } from './absence.ts';
import type { Asset } from './asset.ts';
import type { Catalog, Depths } from './catalog.ts';
import type { Guard, Refusal } from './guard.ts';
import type { PublishResult } from './publish-result.ts';
import { type PageMessage, pageMessageOf } from './sender.ts';
import type { TapEffects } from './tap-effects.ts';

export interface RequestSettings {
  readonly assets: Readonly<Record<string, Asset>>;
  readonly catalog: Catalog;
  readonly depths: () => Promise<Depths>;
  /** Reports whether a queue of the catalog, or an exchange, exists. Names are the broker's. */
  readonly hasQueue: (queue: string) => Promise<boolean>;
  readonly hasExchange: (exchange: string) => Promise<boolean>;
  /** Returns the effects of a queue that the page binds to an exchange with this key. */
  readonly effects: (exchange: string, key: string) => Promise<TapEffects>;
  /** Publishes a message of the page. Throws if there is no connection. */
  readonly publish: (message: PageMessage) => Promise<PublishResult>;
}

export interface WebResponse {
  readonly status: number;
  readonly text: string;
  /** Content type. Default plain text. */
  readonly type?: string;
}

/** Maximum size of a body that a page may send, in bytes. It also limits a message of its WebSocket. */
export const bodyBytes = 1024 * 1024;

export const notFound: WebResponse = { status: 404, text: 'not found\n' };

export class Requests {
  readonly #settings: RequestSettings;
  readonly #guard: Guard;
  /** Checks an exchange. A page checks any name that its user types, so absent names are remembered. */
  readonly #hasExchange: (name: string) => Promise<boolean>;

  constructor(settings: RequestSettings, guard: Guard) {
    this.#settings = settings;
    this.#guard = guard;
    this.#hasExchange = rememberAbsent(settings.hasExchange);
  }

  async answer(request: IncomingMessage): Promise<WebResponse | Refusal> {
    const { url = '', method } = request;
    const [path = ''] = url.split('?', 1);
    const refused = this.#guard.request(request);
    if (refused) return refused;
    if (path === '/api/publish' && method === 'POST') return this.#publish(request);
    if (method !== 'GET' && method !== 'HEAD') return { status: 405, text: 'GET\n' };
    const { searchParams } = new URL(url, 'http://localhost');
    const name = searchParams.get('name') ?? '';
    switch (path) {
      case '/api/catalog':
        return json(this.#settings.catalog);
      case '/api/depths':
        return json(await this.#settings.depths());
      case '/api/queue':
        return (await this.#hasQueue(name)) ? json({ queue: name }) : notFound;
      case '/api/exchange':
        return this.#exchange(name, searchParams.get('key'));
      default:
        return this.#asset(path);
    }
  }

  /** With a key, the answer contains the effects of watching the exchange. */
  async #exchange(exchange: string, key: string | null): Promise<WebResponse> {
    if (!(await this.#hasExchange(exchange))) return notFound;
    const effects: TapEffects = key === null ? { warnings: [] } : await this.#settings.effects(exchange, key);
    return json({ exchange, ...effects });
  }

  #asset(path: string): WebResponse {
    const { assets } = this.#settings;
    const asset = Object.hasOwn(assets, path) ? assets[path] : undefined;
    return asset ? { status: 200, ...asset } : notFound;
  }

  async #publish(request: IncomingMessage): Promise<WebResponse | Refusal> {
    const refused = this.#guard.changing(request);
    if (refused) return refused;
    // A page of another site cannot send JSON without the permission of this server (CORS).
    if (request.headers['content-type'] !== 'application/json') return { status: 415, text: 'application/json\n' };
    const body = await bodyOf(request);
    if (body === undefined) return { status: 413, text: `a message has at most ${bodyBytes} bytes\n` };
    const message = pageMessageOf(body);
    if (!message) return { status: 400, text: 'the body is not a message\n' };
    return json(await this.#publishMessage(message));
  }

  async #publishMessage(message: PageMessage): Promise<PublishResult> {
    const { exchange } = message;
    if (exchange !== '' && !(await this.#settings.hasExchange(exchange)))
      return { outcome: 'refused', message: `there is no exchange '${exchange}'` };
    try {
      return await this.#settings.publish(message);
    } catch (error) {
      return { outcome: 'not sent', message: error instanceof Error ? error.message : String(error) };
    }
  }

  /**
   * Reports whether a queue of the catalog exists. Other names are not checked, because the broker logs a line for each
   * check of a missing queue.
   */
  async #hasQueue(name: string): Promise<boolean> {
    const { tasks, requests } = this.#settings.catalog;
    return [...tasks, ...requests].some(({ queue }) => queue === name) && this.#settings.hasQueue(name);
  }
}

/** Returns the body, or `undefined` if it is too large. */
async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const stream: AsyncIterable<Buffer> = request;
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream) {
    length += chunk.length;
    if (length > bodyBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function json(value: unknown): WebResponse {
  return { status: 200, type: 'application/json', text: JSON.stringify(value) };
}
