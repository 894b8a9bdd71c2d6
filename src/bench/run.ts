// Runs the load of one process: opens its producers and consumers, warms up, measures, and waits for what is on its way.

import { asMqError, MqError } from '../errors.ts';
import type { Consumer } from '../session/consumer.ts';
import type { OutgoingMessage } from '../session/outgoing-message.ts';
import type { Destination, Session } from '../session/session.ts';
import { pause, type Timer, time } from '../time.ts';
import { bodyMaker, runIdBytes } from './body.ts';
import { openConsumers, type RefuseReturns } from './consumers.ts';
import { failureOf, type Part, type Second } from './figures.ts';
import { type Load, ofTurn } from './load.ts';
import { deleteQueues, notReceived } from './queues.ts';
import { Receivers, startServer } from './receivers.ts';
import { Recorder } from './recorder.ts';
import { Budget, type Sender, sendAll } from './schedule.ts';
import { PublishingSender, RequestingSender } from './senders.ts';

/** Makes messages for a destination. */
type Messages = (destination: Destination) => (body: Buffer) => OutgoingMessage;

export interface RunParts {
  readonly session: Session;
  readonly load: Load;
  /** Messages of a producer, and requests. */
  readonly messages: { readonly published: Messages; readonly requested: Messages };
  /** Processor time of this process so far, in milliseconds. */
  readonly cpuMs: () => number;
  /** Ends the sending early. What is on its way is still counted. */
  readonly stop: AbortSignal;
  /** Ends the run at once. The session must be aborted, too. */
  readonly abandon: AbortSignal;
  /** Called after each second of the measurement. */
  readonly onSecond: (second: Second) => void;
  readonly refuseReturns: RefuseReturns;
}

/** Milliseconds between two checks of the connections. */
const sampleMs = 100;
/** Number of messages that are sent to the queues before `mq bench consume` measures. */
const defaultFill = 50_000;
/** Longest time for the return of messages after a failure, in milliseconds. */
const returnMs = 3_000;
/** Longest time until the first message of `pipe` with a name arrives, in milliseconds. */
const probeMs = 5_000;

/**
 * Runs the load. If an error ends the measurement early, the result contains it. Rejects with an error from before the
 * measurement.
 */
export async function runLoad(parts: RunParts): Promise<Part> {
  const { session, load } = parts;
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => undefined);
  const run = new LoadRun(parts, failed.reject);
  try {
    return await Promise.race([run.measured(), failed.promise]);
  } catch (error) {
    return await run.failed(asMqError(error));
  } finally {
    await run.end();
    if (!run.isDisconnected && !parts.abandon.aborted) await deleteQueues(session, load);
  }
}

class LoadRun {
  readonly #parts: RunParts;
  readonly #fail: (error: MqError) => void;
  readonly #recorder = new Recorder();
  readonly #run = time.randomBytes(runIdBytes);
  readonly #receivers: Receivers;
  readonly #stop: AbortController = new AbortController();
  #timers: Timer[] = [];
  /** Error for a message of the user. The run then ends when its own messages have left the queue. */
  #foreign: MqError | undefined;
  /** Aborted by an error that ends the run at once. */
  readonly #ended = new AbortController();
  readonly #servers: Consumer[] = [];
  #senders: readonly (PublishingSender | RequestingSender)[] = [];
  /** Returns the number of messages that are lost so far. */
  #lost = () => 0;
  /** Time when the connection was lost that is lost now. */
  #lostAt: number | undefined;
  #server: Readonly<Record<string, unknown>> = {};
  #beganCpuMs = 0;
  #beganMs = 0;

  constructor(parts: RunParts, fail: (error: MqError) => void) {
    this.#parts = parts;
    this.#fail = (error) => {
      fail(error);
      this.#ended.abort();
      this.#stop.abort();
    };
    const { load, stop, abandon } = parts;
    const end = () => this.#fail(new MqError('TERMINATED', 'stopped by a second signal'));
    abandon.addEventListener('abort', end, { once: true });
    stop.addEventListener('abort', () => this.#stop.abort(), { once: true });
    if (stop.aborted) this.#stop.abort();
    this.#receivers = new Receivers({
      run: this.#run,
      // The last one sends the first message of `pipe` with a name.
      producers: load.producers + 1,
      recorder: this.#recorder,
      acceptsAll: load.acceptsAll,
      most: (load.acceptsAll ? load.count : undefined) ?? Number.POSITIVE_INFINITY,
      hasNoLatency: load.verb === 'consume',
      fail: this.#fail,
      onForeign: (error) => {
        this.#foreign ??= error;
        this.#stop.abort();
      },
    });
  }

  async measured(): Promise<Part> {
    const { verb } = this.#parts.load;
    this.#timers.push(time.every(sampleMs, () => this.#sample()));
    if (verb === 'consume') return this.#consume();
    if (verb === 'rpc') return this.#request();
    return this.#publish();
  }

  /** `true` if a connection is lost. */
  get isDisconnected(): boolean {
    const { connected, connections } = this.#parts.session.counts;
    return connected < connections;
  }

  /** Returns what was measured before the error. Throws the error if the measurement had not begun. */
  async failed(error: MqError): Promise<Part> {
    this.#stop.abort();
    if (!this.#hasBegun) throw error;
    this.#parts.session.abandon(error);
    await Promise.all(this.#senders.map((sender) => sender.settled()));
    return this.#part(this.#lost(), error);
  }

  /** Stops everything, and returns the messages of the user. After a second signal, the broker returns them. */
  async end(): Promise<void> {
    this.#stop.abort();
    for (const timer of this.#timers) timer.cancel();
    if (this.#parts.abandon.aborted) return;
    if (this.#receivers.hasKept) await Promise.race([this.#receivers.stop(), pause(returnMs, { ref: false })]);
  }

  async #publish(): Promise<Part> {
    const { load } = this.#parts;
    if (load.verb === 'pipe') await this.#startConsumers(await openConsumers(this.#parts));
    const senders = await this.#openPublishers();
    const isProbed = load.verb === 'pipe' && load.ownQueues.length === 0;
    if (isProbed) await this.#probe();
    const { arrivals } = this.#receivers;
    const arrived = (number: number, producer: number) => arrivals[producer]?.has(number) === true;
    const expected = () =>
      senders.reduce(
        (sum, { sent, unconfirmed }, producer) =>
          sum + sent - unconfirmed.filter((number) => !arrived(number, producer)).length,
        Number(isProbed),
      );
    if (load.verb === 'pipe') this.#lost = () => expected() - this.#receivers.unique;
    await this.#send(senders, isProbed ? { ...load, count: load.count && load.count - 1 } : load);
    await Promise.all(senders.map((sender) => sender.settled()));
    if (load.verb === 'publish') return this.#part(0);
    await this.#receivers.drained(expected, { limitMs: load.drainMs, stop: this.#ended.signal });
    const failure = this.#foreign ?? this.#connectionLoss();
    await this.#receivers.stop();
    return this.#part(this.#lost(), failure);
  }

  /**
   * Sends the first message, and throws if the subscription does not receive it, so that a wrong name leaves no more than
   * one message in the queues of the user.
   */
  async #probe(): Promise<void> {
    const { session, load, messages } = this.#parts;
    const [publication, subscription] = [ofTurn(load.publications, 0), ofTurn(load.subscriptions, 0)];
    const { publisher, destination } = await session.publisher(publication, { window: 1 });
    const parts = this.#senderParts(load.producers);
    const intendedMs = time.now();
    this.#recorder.startMs = intendedMs;
    this.#recorder.sent(intendedMs, true);
    const body = parts.bodyOf({ producer: load.producers, number: 0, intendedMs });
    const outcome = await publisher.publish(messages.published(destination)(body));
    this.#recorder.settled(outcome, intendedMs);
    if (outcome.type !== 'confirmed') throw outcome.error;
    const limitMs = Math.min(probeMs, load.drainMs);
    for (const stop = this.#stop.signal; this.#receivers.unique === 0 && !stop.aborted; ) {
      if (time.now() - intendedMs > limitMs) throw notReceived({ publication, subscription, destination, load });
      await pause(sampleMs / 10, { signal: stop });
    }
    if (this.#foreign) throw this.#foreign;
  }

  async #request(): Promise<Part> {
    const { load, session } = this.#parts;
    if (load.ownQueues.length > 0) await this.#startServers();
    const senders: RequestingSender[] = [];
    this.#senders = senders;
    this.#lost = () => senders.reduce((sum, { unanswered }) => sum + unanswered, 0);
    for (let producer = 0; producer < load.producers; producer += 1) {
      const { requester, destination } = await session.requester(ofTurn(load.publications, producer), {
        ...{ window: load.window, ownQueue: false, replyTimeoutMs: load.replyTimeoutMs },
      });
      void requester.failed.then(this.#fail);
      this.#server = requester.server;
      const messageOf = this.#parts.messages.requested(destination);
      senders.push(new RequestingSender(requester, load.window, { ...this.#senderParts(producer), messageOf }));
    }
    await this.#send(senders, load);
    await Promise.all(senders.map((sender) => sender.settled()));
    await Promise.all(this.#servers.map((server) => server.stop()));
    return this.#part(this.#lost());
  }

  /** Fills own queues, and measures how fast consumers empty them. */
  async #consume(): Promise<Part> {
    const { load } = this.#parts;
    const isOwn = load.ownQueues.length > 0;
    const filled = isOwn ? await this.#fill(load.count ?? defaultFill) : Number.POSITIVE_INFINITY;
    const expected = isOwn ? filled : (load.count ?? Number.POSITIVE_INFINITY);
    const consumers = await openConsumers(this.#parts);
    this.#begin(time.now() + load.warmUpMs);
    const limit = load.durationMs === undefined ? undefined : load.warmUpMs + load.durationMs;
    if (limit !== undefined) this.#timers.push(time.after(limit, () => this.#stop.abort()));
    await this.#startConsumers(consumers);
    if (isOwn) await this.#receivers.drained(() => expected, { limitMs: load.drainMs, stop: this.#stop.signal });
    else await this.#until(() => this.#receivers.received >= expected);
    const isComplete = isOwn && !this.#stop.signal.aborted;
    const failure = this.#connectionLoss();
    await this.#receivers.stop();
    return this.#part(isComplete ? filled - this.#receivers.unique : 0, failure);
  }

  async #fill(count: number): Promise<number> {
    const senders = await this.#openPublishers();
    const startMs = time.now();
    const budget = new Budget({ count, durationMs: undefined }, startMs);
    const sent = await this.#sendWith(senders, { budget, startMs, intervalMs: undefined });
    await Promise.all(senders.map((sender) => sender.settled()));
    const missing = senders.reduce((sum, { unconfirmed }) => sum + unconfirmed.length, 0);
    if (missing > 0)
      throw new MqError(
        'REFUSED',
        `the queue cannot be filled: ${this.#recorder.errors.first?.message ?? 'a message failed'}`,
      );
    return sent;
  }

  async #openPublishers(): Promise<PublishingSender[]> {
    const { load, session, messages } = this.#parts;
    const senders: PublishingSender[] = [];
    this.#senders = senders;
    for (let producer = 0; producer < load.producers; producer += 1) {
      const name = ofTurn(load.publications, producer);
      const { publisher, destination } = await session.publisher(name, { window: load.window });
      void publisher.failed.then(this.#fail);
      this.#server = publisher.server;
      const messageOf = messages.published(destination);
      senders.push(new PublishingSender(publisher, { ...this.#senderParts(producer), messageOf }));
    }
    return senders;
  }

  #senderParts(producer: number) {
    return { producer, bodyOf: bodyMaker(this.#run, this.#parts.load.size), recorder: this.#recorder };
  }

  async #startConsumers(consumers: readonly Consumer[]): Promise<void> {
    for (const consumer of consumers) {
      await this.#receivers.start(consumer);
      this.#server = consumer.server;
    }
  }

  async #startServers(): Promise<void> {
    const { load, session } = this.#parts;
    for (let index = 0; index < load.consumers; index += 1) {
      const name = ofTurn(load.subscriptions, index);
      const { consumer, vhost } = await session.consumer(name, { prefetch: load.prefetch });
      const publisher = await session.vhostPublisher(vhost, Math.max(load.prefetch, 1));
      this.#servers.push(consumer);
      await startServer(consumer, { publisher, fail: this.#fail });
    }
  }

  /** Sends the messages of all producers. */
  async #send(senders: readonly Sender[], load: Load): Promise<void> {
    const startMs = time.now();
    const measuredMs = startMs + load.warmUpMs;
    this.#begin(measuredMs);
    const budget = new Budget(load, measuredMs);
    await this.#sendWith(senders, { budget, startMs, intervalMs: load.intervalMs });
  }

  async #sendWith(
    senders: readonly Sender[],
    { intervalMs, ...schedule }: Pick<Parameters<typeof sendAll>[0], 'budget' | 'startMs' | 'intervalMs'>,
  ): Promise<number> {
    const stop = this.#stop.signal;
    const counts = await Promise.all(
      senders.map((sender, index) =>
        sendAll({
          ...{ ...schedule, sender, stop, recorder: this.#recorder },
          intervalMs: intervalMs && intervalMs * senders.length,
          offsetMs: (intervalMs ?? 0) * index,
        }),
      ),
    );
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /** Begins the measurement at this time. */
  #begin(startMs: number): void {
    const { cpuMs, onSecond } = this.#parts;
    this.#recorder.startMs = startMs;
    [this.#beganCpuMs, this.#beganMs] = [cpuMs(), time.now()];
    this.#timers.push(
      time.after(Math.max(0, startMs - time.now()), () => {
        this.#beganCpuMs = cpuMs();
        this.#beganMs = time.now();
        let at = 0;
        const next = () => {
          at += 1;
          onSecond(this.#recorder.cut(at));
        };
        this.#timers.push(time.every(1000, next));
      }),
    );
  }

  get #hasBegun(): boolean {
    return this.#beganMs > 0;
  }

  /**
   * Records whether the broker blocks a connection. Ends the run if the connection is lost and nothing waits for it: after a
   * stop, or if consumers have waited for as long as `--drain`. A publisher has its own time limit.
   */
  #sample(): void {
    const { session, load, stop } = this.#parts;
    if (session.counts.blocked > 0 && this.#hasBegun) this.#recorder.blocked(sampleMs);
    this.#lostAt = this.isDisconnected ? (this.#lostAt ?? time.now()) : undefined;
    if (this.#lostAt === undefined) return;
    const isOver = load.verb === 'consume' && this.#hasBegun && time.now() - this.#lostAt > load.drainMs;
    const error = stop.aborted || isOver ? this.#connectionLoss() : undefined;
    if (error) this.#fail(error);
  }

  #connectionLoss(): MqError | undefined {
    if (!this.isDisconnected) return undefined;
    return new MqError('UNAVAILABLE', 'the connection was lost, and the broker did not answer before the end');
  }

  #part(lost: number, failure?: MqError): Part {
    const { cpuMs, onSecond } = this.#parts;
    const recorder = this.#recorder;
    const elapsedMs = time.now() - this.#beganMs;
    onSecond(recorder.cut(Math.ceil(elapsedMs / 10) / 100));
    const { byCode, first } = recorder.errors;
    const { product = '', version = '' } = this.#server;
    return {
      ...recorder.all(),
      ...recorder.spans,
      lost,
      cpuMs: cpuMs() - this.#beganCpuMs,
      elapsedMs,
      late: recorder.late,
      errors: byCode,
      firstError: first,
      failure: failure && failureOf(failure),
      broker: { product: String(product), version: String(version) },
    };
  }

  /** Resolves when the condition is true, or at the stop. */
  #until(condition: () => boolean): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const check = () => {
      if (condition() || this.#stop.signal.aborted) resolve();
    };
    this.#timers.push(time.every(sampleMs, check));
    this.#stop.signal.addEventListener('abort', check);
    return promise;
  }
}
