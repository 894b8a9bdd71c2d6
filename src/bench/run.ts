// Runs the load of one process: opens its producers and consumers, warms up, measures, and waits for what is on its way.

import { MqError } from '../errors.ts';
import type { Consumer } from '../session/consumer.ts';
import type { OutgoingMessage } from '../session/outgoing-message.ts';
import type { Destination, Session } from '../session/session.ts';
import { type Timer, time } from '../time.ts';
import { bodyMaker, runIdBytes } from './body.ts';
import type { Part, Second } from './figures.ts';
import type { Load } from './load.ts';
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
  /** Called after each second of the measurement. */
  readonly onSecond: (second: Second) => void;
}

/** Milliseconds between two checks whether the broker blocks a connection. */
const sampleMs = 100;
/** Number of messages that are sent to the queues before `mq bench consume` measures. */
const defaultFill = 50_000;

/** Runs the load. Rejects with the error that ended it early, except for a stop. */
export async function runLoad(parts: RunParts): Promise<Part> {
  const { session, load } = parts;
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => undefined);
  const run = new LoadRun(parts, failed.reject);
  try {
    return await Promise.race([run.measured(), failed.promise]);
  } finally {
    run.end();
    await deleteQueues(session, load);
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
  readonly #servers: Consumer[] = [];
  #server: Readonly<Record<string, unknown>> = {};
  #beganCpuMs = 0;
  #beganMs = 0;

  constructor(parts: RunParts, fail: (error: MqError) => void) {
    this.#parts = parts;
    this.#fail = (error) => {
      fail(error);
      this.#stop.abort();
    };
    const { load, stop } = parts;
    stop.addEventListener('abort', () => this.#stop.abort(), { once: true });
    if (stop.aborted) this.#stop.abort();
    this.#receivers = new Receivers({
      run: this.#run,
      producers: load.producers,
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
    if (verb === 'consume') return this.#consume();
    if (verb === 'rpc') return this.#request();
    return this.#publish();
  }

  end(): void {
    this.#stop.abort();
    for (const timer of this.#timers) timer.cancel();
  }

  async #publish(): Promise<Part> {
    const { load } = this.#parts;
    if (load.verb === 'pipe') await this.#startConsumers();
    const senders = await this.#openPublishers();
    const sent = await this.#send(senders);
    await Promise.all(senders.map((sender) => sender.settled()));
    const { arrivals } = this.#receivers;
    const excused = () =>
      senders.reduce(
        (sum, { unconfirmed }, index) => sum + unconfirmed.filter((number) => !arrivals[index]?.has(number)).length,
        0,
      );
    if (load.verb === 'publish') return this.#part(0);
    const expected = () => sent - excused();
    await this.#receivers.drained(expected, { limitMs: load.drainMs, stop: new AbortController().signal });
    await this.#receivers.stop();
    if (this.#foreign) throw this.#foreign;
    return this.#part(expected() - this.#receivers.unique);
  }

  async #request(): Promise<Part> {
    const { load, session } = this.#parts;
    if (load.ownQueues.length > 0) await this.#startServers();
    const senders: RequestingSender[] = [];
    for (let producer = 0; producer < load.producers; producer += 1) {
      const { requester, destination } = await session.requester(ofTurn(load.publications, producer), {
        ...{ window: load.window, ownQueue: false, replyTimeoutMs: load.replyTimeoutMs },
      });
      void requester.failed.then(this.#fail);
      this.#server = requester.server;
      const messageOf = this.#parts.messages.requested(destination);
      senders.push(new RequestingSender(requester, load.window, { ...this.#senderParts(producer), messageOf }));
    }
    await this.#send(senders);
    await Promise.all(senders.map((sender) => sender.settled()));
    await Promise.all(this.#servers.map((server) => server.stop()));
    return this.#part(senders.reduce((sum, { unanswered }) => sum + unanswered, 0));
  }

  /** Fills own queues, and measures how fast consumers empty them. */
  async #consume(): Promise<Part> {
    const { load } = this.#parts;
    const isOwn = load.ownQueues.length > 0;
    const filled = isOwn ? await this.#fill(load.count ?? defaultFill) : Number.POSITIVE_INFINITY;
    const expected = isOwn ? filled : (load.count ?? Number.POSITIVE_INFINITY);
    this.#begin(time.now() + load.warmUpMs);
    const limit = load.durationMs === undefined ? undefined : load.warmUpMs + load.durationMs;
    if (limit !== undefined) this.#timers.push(time.after(limit, () => this.#stop.abort()));
    await this.#startConsumers();
    if (isOwn) await this.#receivers.drained(() => expected, { limitMs: load.drainMs, stop: this.#stop.signal });
    else await this.#until(() => this.#receivers.received >= expected);
    const isComplete = isOwn && !this.#stop.signal.aborted;
    await this.#receivers.stop();
    return this.#part(isComplete ? filled - this.#receivers.unique : 0);
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

  async #startConsumers(): Promise<void> {
    const { load, session } = this.#parts;
    for (let index = 0; index < load.consumers; index += 1) {
      const name = ofTurn(load.subscriptions, index);
      const { consumer, vhost } = await session.consumer(name, { prefetch: load.prefetch });
      if (index === 0 && load.ownQueues.length === 0 && !load.acceptsAll)
        await refuseUsed(session, vhost, consumer.queue);
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

  /** Sends the messages of all producers, and returns their number. */
  async #send(senders: readonly Sender[]): Promise<number> {
    const { load } = this.#parts;
    const startMs = time.now();
    const measuredMs = startMs + load.warmUpMs;
    this.#begin(measuredMs);
    const budget = new Budget(load, measuredMs);
    return this.#sendWith(senders, { budget, startMs, intervalMs: load.intervalMs });
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
    const { session, cpuMs, onSecond } = this.#parts;
    this.#recorder.startMs = startMs;
    [this.#beganCpuMs, this.#beganMs] = [cpuMs(), time.now()];
    this.#timers.push(
      time.every(sampleMs, () => {
        if (session.counts.blocked > 0) this.#recorder.blocked(sampleMs);
      }),
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

  #part(lost: number): Part {
    const { cpuMs, onSecond } = this.#parts;
    const recorder = this.#recorder;
    const elapsedMs = time.now() - this.#beganMs;
    onSecond(recorder.cut(Math.round(elapsedMs / 10) / 100));
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

/** Throws IN_USE if a queue has messages, or consumers that would receive the messages of the benchmark. */
async function refuseUsed(session: Session, vhost: string, queue: string): Promise<void> {
  const observer = await session.observer(vhost);
  const { ready = 0, consumers = 0 } = (await observer.depths([queue])).get(queue) ?? {};
  if (ready === 0 && consumers === 0) return;
  const found = ready > 0 ? `messages (${ready})` : `consumers (${consumers})`;
  throw new MqError('IN_USE', `the queue '${queue}' has ${found}, and the benchmark needs it alone`, {
    hint: 'without a name, mq bench uses a queue of its own',
  });
}

/** Deletes own queues. They expire by themselves if the broker cannot be reached. */
async function deleteQueues(session: Session, { ownQueues, vhost }: Load): Promise<void> {
  if (ownQueues.length === 0) return;
  const declarer = await session.declarer(vhost).catch(() => undefined);
  for (const queue of declarer ? ownQueues : []) await declarer?.deleteQueue(queue, {}).catch(() => undefined);
}

function ofTurn(names: readonly string[], index: number): string {
  return names[index % names.length] ?? '';
}
