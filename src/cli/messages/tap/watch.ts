// Opens a tap for the options of the command line: finds the exchanges, checks them, and binds the queue.

import type { Management } from '../../../admin/client.ts';
import type { Config, ConnectionConfig } from '../../../config/config.ts';
import type { Context } from '../../../context.ts';
import { asMqError, MqError } from '../../../errors.ts';
import type { Tapper } from '../../../session/session.ts';
import type { Missed, Tap, TapSource, TracedMessage } from '../../../session/tap.ts';
import type { RawMessage } from '../../../session/wire.ts';
import { interrupted } from '../../../signal.ts';
import { pause } from '../../../time.ts';
import type { Values } from '../../arguments/values.ts';
import { noteOf } from '../../error-text.ts';
import { addressesOf } from '../../input/addresses.ts';
import { brokerOf } from '../../input/broker.ts';
import { factsOf, refusesOverflow } from '../../input/exchange-facts.ts';
import { findManagement, optionalManagement } from '../../input/management.ts';
import { Firehose } from './firehose.ts';
import { type Target, type Targets, targetsOf } from './targets.ts';

/** A message that the tap received. */
export interface SeenMessage {
  readonly raw: RawMessage;
  /** Time of the arrival, in milliseconds since 1970. */
  readonly time: number;
  /** Time of the arrival on the clock of `performance.now`, for differences. */
  readonly monotonicMs: number;
  /** `false` for a message to another exchange, which can only be the reply to a request. */
  readonly isNamed: boolean;
  /** Reports whether the message matches every --filter. */
  readonly isFiltered: boolean;
  /** Present with --firehose. */
  readonly trace?: TracedMessage['facts'];
}

export interface Watch {
  /** Names of the exchanges, for a message. */
  readonly names: string;
  /**
   * Yields the messages that the arguments and --filter select; with --match-replies, also those that may be replies.
   * Ends after `stop`; throws UNAVAILABLE if the connection is lost.
   */
  messages(): AsyncGenerator<SeenMessage>;
  readonly missed: Missed;
  /** Number of messages that were not read at the end. */
  readonly unread: number;
  stop(): void;
  /** Removes everything that the tap made on the broker. Never rejects. */
  close(): Promise<void>;
}

/**
 * Opens the tap of the arguments and options of mq tap.
 * @throws MqError TOPOLOGY if an exchange must not be tapped, or does not exist; USAGE for an unknown name; the errors of
 * the connection and of the management API
 */
export async function openWatch(context: Context, values: Values, config: Config): Promise<Watch> {
  const [{ Session }, { newCounts }] = await Promise.all([
    import('../../../session/session.ts'),
    import('../../../session/counts.ts'),
  ]);
  const note = noteOf(context, values.command);
  const addresses = await addressesOf(context, values);
  const own = withVhost(config);
  const session = new Session({
    config: own,
    addresses,
    role: values.command,
    confirmTimeoutMs: 30_000,
    // The error of the lost connection ends the command.
    say: () => undefined,
    reconnect: 'never',
    counts: newCounts(),
    signals: context,
  });
  try {
    return await new Opening({ context, values, config: own, addresses, session, note }).open();
  } catch (error) {
    await session.close();
    throw error;
  }
}

/** Milliseconds in which the broker must delete the queue before tracing is switched off. */
const closeMs = 2_000;

interface Parts {
  readonly context: Context;
  readonly values: Values;
  readonly config: Config;
  readonly addresses: readonly ConnectionConfig[] | undefined;
  readonly session: { tapper(vhost: string): Promise<Tapper>; close(): Promise<void> };
  readonly note: (text: string) => void;
}

class Opening {
  readonly #parts: Parts;
  #tapper: Promise<Tapper> | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async open(): Promise<Watch> {
    const { values, config } = this.#parts;
    const isFirehose = values.flag('firehose') === true;
    const targets = await targetsOf(values, config, (vhost, exchange) => this.#has(vhost, exchange));
    const { all } = targets;
    if (isFirehose) return this.#openFirehose(targets);
    if (all.length === 0)
      throw values.usage('rascal.json has no exchange: give the name of a publication or an exchange');
    const tapper = await this.#tapperOf(targets.vhost);
    const { api, vhost } = await this.#api(targets.vhost);
    try {
      const { sources, names } = await this.#checked(targets, { api, vhost, tapper });
      const { context } = this.#parts;
      if (context.drain.aborted) throw interrupted(context, 'nothing was bound');
      const tap = await tapper.open(sources);
      if (api !== undefined && (await refusesOverflow(api, vhost, tap.queue))) throw refusedByPolicy();
      return await this.#watch(tap, { names, select: (raw) => ({ raw, isNamed: true }) });
    } finally {
      api?.close();
    }
  }

  #tapperOf(vhost: string): Promise<Tapper> {
    this.#tapper ??= this.#parts.session.tapper(vhost);
    return this.#tapper;
  }

  async #has(vhost: string, exchange: string): Promise<boolean> {
    const tapper = await this.#tapperOf(vhost);
    return tapper.has(exchange);
  }

  /** Looks at each exchange before anything is bound. Prints the warnings. Throws TOPOLOGY for a refused exchange. */
  async #checked({ all, areDefault }: Targets, { tapper, ...from }: Checking) {
    const { values, note } = this.#parts;
    const { tapVerdict } = await import('../../../session/tap.ts');
    const names = new Map<string, string[] | undefined>();
    for (const { exchange, key } of all) names.set(exchange, keysOf(names.has(exchange), names.get(exchange), key));
    const sources: TapSource[] = [];
    const shown: string[] = [];
    for (const [exchange, keys] of names) {
      try {
        const facts = await factsOf(exchange, { ...from, probe: (name) => tapper.facts(name) });
        const verdict = tapVerdict(facts, keys);
        const refusal = refusalOf(verdict, values.flag('only-safe') === true);
        if (refusal !== undefined) throw refusal;
        for (const warning of verdict.warnings) note(warning);
        sources.push(...verdict.sources);
        shown.push(shownName(exchange, verdict.sources));
      } catch (error) {
        // Without an argument, the other exchanges of rascal.json are watched.
        const { code, message } = asMqError(error);
        if (!areDefault || code !== 'TOPOLOGY') throw error;
        note(`${message}; it is not watched`);
      }
    }
    if (sources.length === 0) throw new MqError('TOPOLOGY', 'no exchange of rascal.json can be watched');
    return { sources, names: shown.join(', ') };
  }

  async #api(name: string) {
    const { context, values, config, addresses, note } = this.#parts;
    const { connections, vhost } = brokerOf(config, name, addresses);
    return { vhost, api: await optionalManagement(context, values, { connections, say: note }) };
  }

  async #openFirehose({ vhost: name, all, areDefault }: Targets): Promise<Watch> {
    const { context, values, config, addresses, note } = this.#parts;
    const { tracedMessage } = await import('../../../session/tap.ts');
    const { connections, vhost } = brokerOf(config, name, addresses);
    const limits = { timeoutMs: 5_000 };
    const { api } = await findManagement(context, values, { connections, limits, ignoresSignals: true });
    const firehose = new Firehose({ api, vhost, say: note });
    const wanted = areDefault ? [] : all;
    let tap: Tap | undefined;
    const warn = () => firehose.warn();
    context.abandon.addEventListener('abort', warn, { once: true });
    const forget = context.onStray?.(() => firehose.off(tap?.queue));
    const off = async () => {
      await firehose.off(tap?.queue);
      forget?.();
      context.abandon.removeEventListener('abort', warn);
      api.close();
    };
    try {
      const sources = await this.#traceSources(wanted, await firehose.claim());
      tap = await (await this.#tapperOf(name)).open(sources);
      await firehose.on();
    } catch (error) {
      await off();
      throw error;
    }
    const isWanted = await wantedBy(wanted);
    const select = (copy: RawMessage) => {
      const { raw, facts } = tracedMessage(copy);
      return { raw, isNamed: isWanted(raw), trace: facts };
    };
    const names = wanted.length === 0 ? 'all exchanges' : wanted.map(targetText).join(', ');
    return this.#watch(tap, { names: `the firehose: ${names}`, select, off });
  }

  /** Returns the bindings for the copies of the messages to these exchanges, or to all. */
  async #traceSources(wanted: readonly Target[], claim: TapSource['arguments'] = {}): Promise<TapSource[]> {
    const { traceExchange } = await import('../../../session/tap.ts');
    // A reply usually goes to the default exchange.
    const others = this.#parts.values.flag('match-replies') ? [''] : [];
    const exchanges = new Set([...wanted.map(({ exchange }) => exchange), ...others]);
    const keys = wanted.length === 0 ? ['publish.#'] : [...exchanges].map((exchange) => `publish.${exchange}`);
    return keys.map((bindingKey) => ({ exchange: traceExchange, bindingKey, arguments: claim }));
  }

  async #watch(tap: Tap, { names, select, off }: Selecting): Promise<Watch> {
    const { values, session } = this.#parts;
    const { isFiltered, messageFacts } = await import('../../../roles/selection.ts');
    const filters = values.list('filter');
    const matchesReplies = values.flag('match-replies') === true;
    async function* messages(): AsyncGenerator<SeenMessage> {
      for await (const { raw: copy, ...times } of tap.messages()) {
        const { isNamed, ...seen } = select(copy);
        const passes = filters.length === 0 || isFiltered(seen.raw, filters, messageFacts(seen.raw));
        if (matchesReplies || (isNamed && passes)) yield { ...seen, ...times, isNamed, isFiltered: passes };
      }
    }
    return {
      names,
      messages,
      get missed() {
        return tap.missed;
      },
      get unread() {
        return tap.unread;
      },
      stop: () => tap.stop(),
      async close() {
        const closed = tap.close();
        if (off) {
          // Without its queue, other taps do not count this one. A broker that does not answer must not delay `off`.
          await Promise.race([closed, pause(closeMs, { ref: false })]);
          await off();
        }
        await closed;
        await session.close();
      },
    };
  }
}

interface Checking {
  readonly api: Management | undefined;
  /** Name of the vhost on the broker. */
  readonly vhost: string;
  readonly tapper: Tapper;
}

interface Selecting {
  readonly names: string;
  /** Returns the message that was published. */
  readonly select: (raw: RawMessage) => Pick<SeenMessage, 'raw' | 'isNamed' | 'trace'>;
  readonly off?: () => Promise<void>;
}

/** Returns a function that reports whether a message went to one of the targets. No target means all messages. */
async function wantedBy(wanted: readonly Target[]): Promise<(message: RawMessage) => boolean> {
  const { covers } = await import('../../../session/tap.ts');
  return ({ fields }) =>
    wanted.length === 0 ||
    wanted.some(
      ({ exchange, key }) => exchange === fields.exchange && (key === undefined || covers(key, fields.routingKey)),
    );
}

/** Adds a key. `undefined` means all messages. */
function keysOf(isKnown: boolean, keys: string[] | undefined, key: string | undefined): string[] | undefined {
  if (key === undefined || (isKnown && keys === undefined)) return undefined;
  return [...(keys ?? []), key];
}

function refusedByPolicy(): MqError {
  const reason = 'a policy sets overflow to reject-publish for the queue of the tap';
  return new MqError('TOPOLOGY', `${reason}: when it is full, publishers would receive a nack`, {
    hint: 'limit the pattern of the policy; the names of these queues begin with amq.gen-',
  });
}

/** Returns the error if the exchange must not be tapped. */
function refusalOf(
  { refusal, warnings }: { refusal: string | undefined; warnings: readonly string[] },
  isOnlySafe: boolean,
): MqError | undefined {
  if (refusal !== undefined) return new MqError('TOPOLOGY', refusal);
  if (!isOnlySafe || warnings.length === 0) return undefined;
  const [first = ''] = warnings;
  return new MqError('TOPOLOGY', `the tap is not safe: ${first}`, { problems: warnings.slice(1) });
}

function shownName(exchange: string, sources: readonly TapSource[]): string {
  const keys = [...new Set(sources.map(({ bindingKey }) => bindingKey))].filter((key) => key !== '' && key !== '#');
  return keys.length === 0 ? exchange : keys.map((key) => `${exchange}:${key}`).join(', ');
}

function targetText({ exchange, key }: Target): string {
  if (exchange === '') return key === undefined ? 'the default exchange' : `queue ${key}`;
  return key === undefined ? exchange : `${exchange}:${key}`;
}

/** Adds the vhost / to a configuration without vhosts. */
function withVhost(config: Config): Config {
  if (Object.keys(config.vhosts).length > 0) return config;
  return { ...config, vhosts: { '/': { connections: [], exchanges: {}, queues: {}, bindings: [], rest: {} } } };
}
