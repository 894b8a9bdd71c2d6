// Switches the tracing of a vhost on, and off again on every way out. Tracing that was on before stays on. If several
// taps run at once, the last one switches it off.

import type { Management } from '../../../admin/client.ts';
import { listOf, objectOf } from '../../../config/plain.ts';
import { asMqError } from '../../../errors.ts';

interface FirehoseSettings {
  /** Sends requests also after a signal. */
  readonly api: Management;
  /** Name of the vhost on the broker. */
  readonly vhost: string;
  readonly say: (text: string) => void;
}

/**
 * Argument of the bindings of a tap that switches tracing off at its end. Its value is the name of the node, because
 * RabbitMQ traces at one node. Other taps read it, so that only the last one switches tracing off.
 */
const claimArgument = 'x-mq-tracing';

export class Firehose {
  readonly #settings: FirehoseSettings;
  /** `true` if tracing must be off when the last tap has ended. */
  #isOurs = false;
  #node = '';

  constructor(settings: FirehoseSettings) {
    this.#settings = settings;
  }

  /** Command that switches tracing off. */
  get #command(): string {
    return `mq admin set tracing off --vhost ${this.#settings.vhost}`;
  }

  /**
   * Decides whether the tap switches tracing off at its end: if tracing is off now, or if another tap has switched it
   * on. Returns the arguments for the bindings of the tap. Throws the errors of the API.
   */
  async claim(): Promise<Readonly<Record<string, unknown>>> {
    const { api, vhost } = this.#settings;
    const [{ isTracing }, overview] = await Promise.all([
      import('../../../admin/tracing.ts'),
      api.request('GET', '/overview?columns=node').catch(() => ({})),
    ]);
    this.#node = String(objectOf(overview)['node']);
    this.#isOurs = !(await isTracing(api, vhost)) || (await this.#hasOthers());
    return this.#isOurs ? { [claimArgument]: this.#node } : {};
  }

  /** Switches tracing on. Call `claim` first. Throws the errors of the API. */
  async on(): Promise<void> {
    const { api, vhost, say } = this.#settings;
    const { setTracing } = await import('../../../admin/tracing.ts');
    if (this.#isOurs) await setTracing(api, vhost, true);
    else
      say(`tracing was on before, so it stays on; after kill -9 of an earlier mq tap, switch it off: ${this.#command}`);
    await this.#sayNode();
  }

  /**
   * Switches tracing off, if `claim` has decided so and no other tap needs it. Never rejects; a failure is reported.
   * @param queue queue of the tap, if it may still exist
   */
  async off(queue?: string): Promise<void> {
    if (!this.#isOurs) return;
    const { api, vhost, say } = this.#settings;
    const { setTracing } = await import('../../../admin/tracing.ts');
    try {
      if (await this.#hasOthers(queue).catch(() => false))
        say('tracing stays on for another mq tap, which switches it off');
      else await setTracing(api, vhost, false);
      this.#isOurs = false;
    } catch (error) {
      say(`tracing may still be on in the vhost '${vhost}' (${asMqError(error).message}): ${this.#command}`);
    }
  }

  /** Reports whether another tap has claimed the tracing of the node. */
  async #hasOthers(own?: string): Promise<boolean> {
    const { api, vhost } = this.#settings;
    const [{ apiPath }, { traceExchange }] = await Promise.all([
      import('../../../admin/path.ts'),
      import('../../../session/tap.ts'),
    ]);
    const bindings = await api.request('GET', apiPath`/exchanges/${vhost}/${traceExchange}/bindings/source`);
    return listOf(bindings)
      .map(objectOf)
      .some(({ destination, arguments: all }) => destination !== own && objectOf(all)[claimArgument] === this.#node);
  }

  /** Reports that the next signal ends the process before tracing is off. */
  warn(): void {
    if (this.#isOurs) this.#settings.say(`switching tracing off; if this fails: ${this.#command}`);
  }

  /** Reports which node traces, because RabbitMQ traces only the channels of the node that received the request. */
  async #sayNode(): Promise<void> {
    const { api, say } = this.#settings;
    const nodes = await api.request('GET', '/nodes?columns=name').catch(() => []);
    if (!Array.isArray(nodes) || nodes.length < 2) return;
    say(
      `only the messages of clients at the node ${this.#node} are shown, of ${nodes.length} nodes; --management-url names another one`,
    );
  }
}
