// Switches the tracing of a vhost on, and off again on every way out. Tracing that was on before stays on.

import type { Management } from '../../../admin/client.ts';
import { objectOf } from '../../../config/plain.ts';
import { asMqError } from '../../../errors.ts';

interface FirehoseSettings {
  /** Sends requests also after a signal. */
  readonly api: Management;
  /** Name of the vhost on the broker. */
  readonly vhost: string;
  readonly say: (text: string) => void;
}

export class Firehose {
  readonly #settings: FirehoseSettings;
  /** `true` from the moment when a request may have switched tracing on. */
  #isOurs = false;

  constructor(settings: FirehoseSettings) {
    this.#settings = settings;
  }

  /** Command that switches tracing off. */
  get #command(): string {
    return `mq admin set tracing off --vhost ${this.#settings.vhost}`;
  }

  /** Switches tracing on. Throws the errors of the API. */
  async on(): Promise<void> {
    const { api, vhost, say } = this.#settings;
    const { isTracing, setTracing } = await import('../../../admin/tracing.ts');
    if (await isTracing(api, vhost)) {
      say(`tracing was on before, so it stays on; after kill -9 of an earlier mq tap, switch it off: ${this.#command}`);
    } else {
      this.#isOurs = true;
      await setTracing(api, vhost, true);
    }
    await this.#sayNode();
  }

  /** Switches tracing off, if `on` switched it on. Never rejects; a failure is reported. */
  async off(): Promise<void> {
    if (!this.#isOurs) return;
    const { api, vhost, say } = this.#settings;
    const { setTracing } = await import('../../../admin/tracing.ts');
    try {
      await setTracing(api, vhost, false);
      this.#isOurs = false;
    } catch (error) {
      say(`tracing may still be on in the vhost '${vhost}' (${asMqError(error).message}): ${this.#command}`);
    }
  }

  /** Reports that the next signal ends the process before tracing is off. */
  warn(): void {
    if (this.#isOurs) this.#settings.say(`switching tracing off; if this fails: ${this.#command}`);
  }

  /** Reports which node traces, because RabbitMQ traces only the channels of the node that received the request. */
  async #sayNode(): Promise<void> {
    const { api, say } = this.#settings;
    const [nodes, overview] = await Promise.all([
      api.request('GET', '/nodes?columns=name').catch(() => []),
      api.request('GET', '/overview?columns=node').catch(() => ({})),
    ]);
    if (!Array.isArray(nodes) || nodes.length < 2) return;
    say(
      `only the messages of clients at the node ${objectOf(overview)['node']} are shown, of ${nodes.length} nodes; --management-url names another one`,
    );
  }
}
