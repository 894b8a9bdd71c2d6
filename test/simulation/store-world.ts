// A store on a simulated disk with random changes, and the crashes of its process and of its machine.

import * as assert from 'uvu/assert';
import type { Store } from '../../src/broker/store/contract.ts';
import type { StreamLog } from '../../src/broker/store/stream-log.ts';
import { openStore } from '../../src/broker/store.ts';
import { systemCode } from '../../src/errors.ts';
import { type Random, randomOf } from '../support/random.ts';
import { type DiskError, type DiskFaults, type Operation, SimulatedDisk } from './disk.ts';
import { messageName, messageValue, StoreModel, type StreamModel } from './store-model.ts';

const diskErrors: readonly DiskError[] = ['ENOSPC', 'EIO', 'EMFILE'];
const queues = ['a', 'b', 'c'];
const folder = '/var/mq';
const livesOfSeed = 8;
const stepsOfLife = 60;

interface Settings {
  /** Lets disk operations fail. */
  readonly hasErrors: boolean;
}

/** Runs the lives of one store, each of which ends with a crash or a close. Returns the number of crashes. */
export async function runSeed(seed: number, settings: Settings): Promise<number> {
  const random = randomOf(seed);
  const world = new World(random);
  return inSeed(seed, async () => {
    for (let life = 0; life < livesOfSeed; life++) {
      const crashAt = random.chance(0.9) ? 1 + random.below(random.pick([15, 60, 200])) : Number.POSITIVE_INFINITY;
      const faults = settings.hasErrors ? faultsOf(random) : {};
      await world.live({ crashAt, faults, isKill: random.chance(0.3) });
    }
    await world.live({ crashAt: Number.POSITIVE_INFINITY, faults: {}, isKill: false });
    return world.crashes;
  });
}

/** Crashes the same life at its first disk operation, at its second one, and so on. Returns the number of crashes. */
export async function sweep(seed: number): Promise<number> {
  for (let crashAt = 1; ; crashAt++) {
    const world = new World(randomOf(seed));
    await inSeed(seed, async () => {
      await world.live({ crashAt, faults: {}, isKill: false });
      await world.live({ crashAt: Number.POSITIVE_INFINITY, faults: {}, isKill: false });
    });
    if (world.crashes === 0) return crashAt - 1;
  }
}

async function inSeed<T>(seed: number, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    const text = error instanceof Error ? error.stack : String(error);
    throw new Error(`seed ${seed}: ${text}`, { cause: error });
  }
}

/** Returns true for the operations that may fail with the error. */
const failing: Readonly<Record<DiskError, (name: Operation['name']) => boolean>> = {
  ENOSPC: (name) => ['openLog', 'createFile', 'writev', 'link', 'mkdir', 'rename'].includes(name),
  EIO: () => true,
  EMFILE: (name) => ['open', 'openLog', 'readFile', 'readdir', 'createFile'].includes(name),
};

/** Returns random faults: one failure, short writes, or a full disk. */
function faultsOf(random: Random): DiskFaults {
  let left = 1 + random.below(100);
  const code: DiskError = random.pick(diskErrors);
  const isShort = random.chance(0.3);
  return {
    errorOf: ({ name }: Operation) => {
      left--;
      const canFail = failing[code](name);
      return left === 0 && canFail ? code : undefined;
    },
    ...(isShort && { acceptedOf: ({ bytes }) => 1 + random.below(bytes) }),
  };
}

interface Life {
  /** The disk operation during which the process ends. */
  readonly crashAt: number;
  readonly faults: DiskFaults;
  /** `true` ends the process, and `false` the power of the machine. */
  readonly isKill: boolean;
}

class World {
  crashes = 0;
  readonly #random: Random;
  readonly #model = new StoreModel();
  #disk: SimulatedDisk;
  #pid = 1;
  #streamCount = 0;
  #bodyCount = 0;

  constructor(random: Random) {
    this.#random = random;
    this.#disk = new SimulatedDisk({ random, wait: turn });
  }

  /** Opens the store, checks what it has recovered, and changes it until the process ends. */
  async live({ crashAt, faults, isKill }: Life): Promise<void> {
    const random = this.#random;
    const process = new SimulatedProcess(this.#pid++, crashAt);
    this.#disk = this.#disk.kill({ random, wait: () => process.step(), faults });
    const isFaulty = faults.errorOf !== undefined;
    await Promise.race([this.#run(process, isFaulty), process.ended]);
    if (!process.hasEnded) return;
    this.crashes++;
    this.#disk = isKill ? this.#disk.kill({ random, wait: turn }) : this.#disk.crash({ random, wait: turn });
  }

  async #run(process: SimulatedProcess, isFaulty: boolean): Promise<void> {
    const opened = await this.#open(process, isFaulty);
    if (opened === undefined) return;
    const { store } = opened;
    const steps = this.#random.below(stepsOfLife);
    for (let step = 0; step < steps && store.failure === undefined; step++) {
      this.#change(process, opened);
      if (this.#random.chance(0.3)) await this.#commit(process, store);
      else if (this.#random.chance(0.1)) await process.after(turn());
    }
    await this.#commit(process, store);
    await process.after(store.close());
    if (store.failure === undefined) assert.is(store.pendingBytes, 0);
    else if (!isFaulty) throw store.failure;
  }

  /** Opens the store and checks its contents. Returns `undefined` if a fault of the disk prevents it. */
  async #open(process: SimulatedProcess, isFaulty: boolean): Promise<Opened | undefined> {
    try {
      let store = await this.#openStore(process);
      if (this.#random.chance(0.3)) {
        await process.after(store.close());
        store = await this.#openStore(process);
      }
      const opened = { store, streams: new Map<string, StreamLog>() };
      for (const { kind, key } of store.recovered.definitions) {
        if (kind === 'stream') await this.#recoverStream(process, opened, key);
      }
      store.keepStreams(new Set(opened.streams.keys()));
      for (const key of this.#model.streams.keys()) if (!opened.streams.has(key)) this.#model.streams.delete(key);
      return opened;
    } catch (error) {
      const isFault = isFaulty && ['IO', 'CANNOT_CREATE', ...diskErrors].includes(systemCode(error) ?? '');
      if (!isFault) throw error;
      return undefined;
    }
  }

  async #openStore(process: SimulatedProcess): Promise<Store> {
    const store = await process.after(
      openStore(folder, {
        pid: process.pid,
        host: 'host',
        isAlive: () => false,
        disk: this.#disk,
        segmentBytes: this.#random.pick([500, 2000, 20_000]),
        slackBytes: this.#random.pick([0, 3000]),
      }),
    );
    const problems = this.#model.recover(store.recovered);
    if (problems.length > 0) throw new Error(problems.join('; '));
    return store;
  }

  async #recoverStream(process: SimulatedProcess, { store, streams }: Opened, key: string): Promise<void> {
    const model = this.#model.streams.get(key);
    assert.ok(model, `the stream ${key} is unknown`);
    const log = this.#openLog(process, store, key, model);
    streams.set(key, log);
    const { firstOffset, endOffset } = log;
    assert.ok(firstOffset <= model.first, `${key} begins at ${firstOffset}, and not at ${model.first}`);
    assert.ok(endOffset >= model.committedEnd, `${key} ends at ${endOffset}, and not at ${model.committedEnd}`);
    assert.equal(await process.after(bodiesIn(log)), model.bodies.slice(firstOffset, endOffset));
    model.bodies.length = endOffset;
    model.committedEnd = endOffset;
    model.first = firstOffset;
  }

  #openLog(process: SimulatedProcess, store: Store, key: string, model: StreamModel): StreamLog {
    const log = store.openStream(key, {
      segmentBytes: this.#random.pick([300, 2000]),
      onAppended: () => {
        // A consumer may have received everything before the end.
        if (!process.hasEnded) model.committedEnd = log.endOffset;
      },
    });
    return log;
  }

  /** Waits for the disk, or only requests it. */
  async #commit(process: SimulatedProcess, store: Store): Promise<void> {
    const setCommitted = this.#model.commit();
    const committed = new Promise<void>((done) => {
      store.committed((error) => {
        if (error === undefined && !process.hasEnded) setCommitted();
        done();
      });
    });
    if (this.#random.chance(0.7)) await process.after(committed);
  }

  #change(process: SimulatedProcess, opened: Opened): void {
    const { store, streams } = opened;
    const random = this.#random;
    const kind = random.below(100);
    if (kind < 35) this.#enqueue(store);
    else if (kind < 60) this.#settle(store);
    else if (kind < 67) this.#return(store);
    else if (kind < 69) this.#drop(store);
    else if (kind < 77) this.#define(store);
    else if (kind < 80) this.#createStream(process, opened);
    else if (kind < 82) this.#deleteStream(opened);
    else {
      const [key, log] = [...streams][random.below(streams.size)] ?? [];
      const model = this.#model.streams.get(key ?? '');
      if (log === undefined || model === undefined) return;
      if (kind < 97) this.#append(log, model);
      else {
        log.trim({ maxBytes: 1000, before: -Infinity });
        model.first = log.firstOffset;
      }
    }
  }

  #enqueue(store: Store): void {
    const targets = queues.filter(() => this.#random.chance(0.5));
    const body = this.#body();
    const message = { exchange: 'e', routingKey: 'r', content: Buffer.from(body), propertiesLength: 0 };
    const id = store.enqueue(
      message,
      targets.map((queue) => ({ queue, expiresAt: undefined })),
    );
    for (const queue of targets) {
      this.#model.set(messageName(queue, id), messageValue(body, { acquired: 0, failed: 0 }));
    }
  }

  #settle(store: Store): void {
    const name = this.#anyName('message ');
    if (name === undefined) return;
    const [, queue = '', id] = name.split(' ');
    store.settle(Number(id), queue);
    this.#model.set(name, undefined);
  }

  #return(store: Store): void {
    const name = this.#anyName('message ');
    if (name === undefined) return;
    const [, queue = '', id] = name.split(' ');
    const [body = '', acquired, failed] = (this.#model.get(name) ?? '').split(' ');
    const counts = { acquired: Number(acquired) + 1, failed: Number(failed) + this.#random.below(2) };
    store.returned(Number(id), queue, { acquiredCount: counts.acquired, deliveryCount: counts.failed });
    this.#model.set(name, messageValue(body, counts));
  }

  #drop(store: Store): void {
    const queue = this.#random.pick(queues);
    store.drop(queue);
    for (const name of this.#model.names(`message ${queue} `)) this.#model.set(name, undefined);
  }

  #define(store: Store): void {
    const [kind, key] = ['queue', String(this.#random.below(10))];
    if (this.#random.chance(0.3)) {
      store.undefine(kind, key);
      this.#model.set(`${kind} ${key}`, undefined);
    } else {
      const value = this.#random.below(1000);
      store.define({ kind, key, value });
      this.#model.set(`${kind} ${key}`, JSON.stringify(value));
    }
  }

  #createStream(process: SimulatedProcess, { store, streams }: Opened): void {
    const key = `s${++this.#streamCount}`;
    const model: StreamModel = { bodies: [], first: 0, committedEnd: 0 };
    this.#model.streams.set(key, model);
    store.define({ kind: 'stream', key, value: 1 });
    this.#model.set(`stream ${key}`, '1');
    streams.set(key, this.#openLog(process, store, key, model));
  }

  #deleteStream({ store, streams }: Opened): void {
    const [key = '', log] = [...streams][this.#random.below(streams.size)] ?? [];
    if (log === undefined) return;
    store.undefine('stream', key);
    this.#model.set(`stream ${key}`, undefined);
    log.delete();
    streams.delete(key);
  }

  #append(log: StreamLog, model: StreamModel): void {
    if (log.nextOffset !== model.bodies.length) return;
    const body = this.#body();
    log.append({ exchange: 'e', routingKey: 'r', content: Buffer.from(body), propertiesLength: 0 }, 1000);
    if (log.nextOffset > model.bodies.length) model.bodies.push(body);
  }

  #anyName(start: string): string | undefined {
    const names = this.#model.names(start);
    return names[this.#random.below(names.length)];
  }

  #body(): string {
    const length = this.#random.chance(0.1) ? 5000 : 200;
    return `${++this.#bodyCount}${'x'.repeat(this.#random.below(length))}`;
  }
}

/** A process whose disk operations are counted, because it ends during one of them. */
class SimulatedProcess {
  readonly pid: number;
  /** Resolves when the process has ended. */
  readonly ended: Promise<void>;
  hasEnded = false;
  readonly #crashAt: number;
  readonly #end: () => void;
  #steps = 0;

  constructor(pid: number, crashAt: number) {
    this.pid = pid;
    this.#crashAt = crashAt;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    this.#end = resolve;
  }

  /** Resolves after one disk operation. */
  async step(): Promise<void> {
    this.#steps++;
    if (this.#steps === this.#crashAt) {
      this.hasEnded = true;
      this.#end();
    }
    await this.after(turn());
  }

  /** Returns the result of work, and never returns if the process has ended in the meantime. */
  async after<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } finally {
      if (this.hasEnded) await new Promise(() => undefined);
    }
  }
}

interface Opened {
  readonly store: Store;
  /** By the names of their folders. */
  readonly streams: Map<string, StreamLog>;
}

async function bodiesIn(log: StreamLog): Promise<string[]> {
  const bodies: string[] = [];
  let wake = () => {};
  const cursor = log.cursor(log.firstOffset, () => wake());
  while (log.firstOffset + bodies.length < log.endOffset) {
    const record = cursor.next();
    if (record !== undefined) bodies.push(record.message.content.toString());
    else
      await new Promise<void>((readable) => {
        wake = readable;
      });
  }
  cursor.close();
  return bodies;
}

function turn(): Promise<void> {
  return new Promise((turned) => setImmediate(turned));
}
