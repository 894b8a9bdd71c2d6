// Opens the connections with which mq apply changes the broker: the management API and AMQP.

import type { Place, Target } from '../../../apply/step.ts';
import type { Config, ConnectionConfig } from '../../../config/config.ts';
import type { Context } from '../../../context.ts';
import type { Session } from '../../../session/session.ts';
import type { Values } from '../../arguments/values.ts';
import { noteOf } from '../../error-text.ts';
import { findManagement } from '../../input/management.ts';
import type { MadePlan } from '../plan/make.ts';

interface Settings {
  readonly config: Config;
  readonly made: Pick<MadePlan, 'vhosts' | 'addresses'>;
  readonly onResult: Target['onResult'];
}

export class Targets {
  readonly #context: Context;
  readonly #values: Values;
  readonly #settings: Settings;
  /** By name in rascal.json. */
  readonly #opened = new Map<string, Promise<Target>>();
  readonly #close: (() => Promise<void> | void)[] = [];
  #session: Session | undefined;
  #onProgress: (text: string) => void = () => undefined;
  readonly #onResult: Target['onResult'];

  constructor(context: Context, values: Values, settings: Settings) {
    this.#onResult = settings.onResult;
    this.#context = context;
    this.#values = values;
    this.#settings = settings;
  }

  /** Sets the function that shows the progress of the current step. */
  showProgress(show: (text: string) => void): void {
    this.#onProgress = show;
  }

  /** Returns the brokers and vhosts that are changed, for a question: `rabbit@host (amqp://host:5672, vhost /)`. */
  async brokerNames(): Promise<string> {
    const { clusterNameOf } = await import('../../../admin/broker-name.ts');
    const places: string[] = [];
    for (const { connections, shown, vhost } of this.#settings.made.vhosts) {
      const place = `${shown}, vhost ${vhost}`;
      const name = await clusterNameOf(await this.#api(connections)).catch(() => undefined);
      places.push(name === undefined ? place : `${name} (${place})`);
    }
    return places.join(' and ');
  }

  /** Returns the connections to a vhost. Opens them once. */
  open(place: Place): Promise<Target> {
    const opened = this.#opened.get(place.name) ?? this.#open(place);
    this.#opened.set(place.name, opened);
    return opened;
  }

  async #open({ vhost, name }: Place): Promise<Target> {
    const connections = this.#settings.made.vhosts.find((one) => one.name === name)?.connections ?? [];
    const [api, session] = await Promise.all([this.#api(connections), this.#openSession()]);
    let declarer: ReturnType<Session['declarer']> | undefined;
    return {
      vhost,
      name,
      api,
      session,
      declarer: () => {
        declarer ??= session.declarer(name);
        return declarer;
      },
      signal: this.#context.drain,
      onProgress: (text) => this.#onProgress(text),
      onResult: this.#onResult,
    };
  }

  /** Closes all connections. */
  async close(): Promise<void> {
    for (const close of this.#close.splice(0)) await close();
  }

  async #api(connections: readonly ConnectionConfig[]) {
    const { api } = await findManagement(this.#context, this.#values, { connections });
    this.#close.push(() => api.close());
    return api;
  }

  async #openSession(): Promise<Session> {
    if (this.#session !== undefined) return this.#session;
    const [{ Session }, { newCounts }] = await Promise.all([
      import('../../../session/session.ts'),
      import('../../../session/counts.ts'),
    ]);
    const note = noteOf(this.#context, 'apply');
    const { config, made } = this.#settings;
    const session = new Session({
      config,
      addresses: made.addresses,
      role: 'apply',
      confirmTimeoutMs: 30_000,
      // A lost connection ends the run with an error.
      say: ({ event, message }) => {
        if (event !== 'lost' && event !== 'connected') note(message);
      },
      counts: newCounts(),
      signals: this.#context,
    });
    this.#close.push(() => session.close());
    this.#session = session;
    return session;
  }
}
