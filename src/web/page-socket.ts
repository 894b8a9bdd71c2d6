// The WebSocket of one page: passes its STOMP frames to the bridge or to RabbitMQ's plugin.

import type { WebSocket } from 'ws';
import type { AmqpClient } from './amqp-client.ts';
import { Bridge } from './bridge.ts';
import { frameBytes } from './frame.ts';
import { bytesOf, PluginProxy, type StompAddress } from './plugin-proxy.ts';
import { bodyBytes } from './requests.ts';

/** Target of a page's STOMP connection: plugins in the order in which they are tried, or AMQP. */
export type StompTarget =
  | { readonly plugins: readonly StompAddress[] }
  | { readonly openClient: () => Promise<AmqpClient> };

interface PageSocketSettings {
  readonly stomp: StompTarget;
  /** Version of mq. */
  readonly version: string;
  /** Reports a message to the user. */
  readonly say: (text: string) => void;
}

export class PageSocket {
  readonly #page: WebSocket;
  readonly #settings: PageSocketSettings;
  /** `undefined` if no plugin answers. */
  readonly #peer: Promise<Bridge | PluginProxy | undefined>;

  /** @param onClose called once, when the page has closed the connection */
  constructor(page: WebSocket, settings: PageSocketSettings, onClose: () => void) {
    this.#page = page;
    this.#settings = settings;
    this.#peer = this.#open();
    // Messages wait until the connection to the broker is open.
    page.on('message', (data) => void this.#peer.then((peer) => peer?.receive(bytesOf(data))));
    page.on('error', () => page.terminate());
    page.on('close', () => {
      onClose();
      void this.end();
    });
  }

  /** Ends the connection to the broker. */
  async end(): Promise<void> {
    await (await this.#peer)?.end();
  }

  async #open(): Promise<Bridge | PluginProxy | undefined> {
    const { stomp, version } = this.#settings;
    const page = this.#page;
    if ('plugins' in stomp) return this.#openProxy(stomp.plugins);
    const wire = {
      send: (bytes: Buffer, sent?: () => void) => page.send(bytes, { binary: true }, () => sent?.()),
      close: () => page.close(1000),
    };
    return new Bridge({ wire, openClient: stomp.openClient, bodyBytes, version });
  }

  async #openProxy(plugins: readonly StompAddress[]): Promise<PluginProxy | undefined> {
    const page = this.#page;
    try {
      return await PluginProxy.open(plugins, {
        send: (bytes) => page.send(bytes, { binary: true }),
        waiting: () => page.bufferedAmount,
        close: () => page.close(1000),
      });
    } catch (error) {
      const message = `no Web STOMP plugin answers: ${error instanceof Error ? error.message : error}`;
      this.#settings.say(message);
      page.send(frameBytes('ERROR', { message }), { binary: true });
      page.close(1013);
      return undefined;
    }
  }
}
