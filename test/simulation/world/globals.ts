// Replaces the clocks, timers, random numbers and sockets of this process by those of the current world, because amqplib
// and Rascal use them directly. The replacements are installed once, before these packages are loaded, because some of
// them keep a reference. Without a world they do what the originals do.

import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';
import { longestTimerMs, replaceTime, type Time } from '../../../src/time.ts';
import { replaceFiles } from './files.ts';
import { replaceHttp } from './http.ts';
import type { Network } from './network.ts';
import * as real from './real.ts';
import { delayOf, SimulatedTimer } from './timers.ts';
import type { World } from './world.ts';

type Run = (...args: unknown[]) => void;

let world: World | undefined;
let network: Network | undefined;

/** Makes a world the current one. Returns a function that ends this. */
export function enter(next: World, its: Network): () => void {
  world = next;
  network = its;
  const restore = replaceTime(timeOf(next));
  process.on('uncaughtException', next.onStray);
  process.on('unhandledRejection', next.onStray);
  return () => {
    restore();
    world = undefined;
    network = undefined;
    process.off('uncaughtException', next.onStray);
    process.off('unhandledRejection', next.onStray);
  };
}

function timeOf(its: World): Time {
  const randomBytes = (length: number) => its.programRandom.bytes(length);
  return {
    now: () => its.now,
    date: () => its.date(),
    after: (ms, run) => new SimulatedTimer(its, run, delayOf(Math.min(ms, longestTimerMs))),
    every: (ms, run) => new SimulatedTimer(its, run, delayOf(Math.min(ms, longestTimerMs)), true),
    nextTurn: (run) => new SimulatedTimer(its, run, 0),
    random: () => its.programRandom.below(2 ** 32) / 2 ** 32,
    randomBytes,
    randomUUID: () => uuidOf(randomBytes(16)),
  };
}

const { RealDate } = real;
const originals = { randomBytes: crypto.randomBytes, randomUUID: crypto.randomUUID };
const { connect, createConnection, createServer } = net;

// A handler module replaces the console. Each process of the world has its own, which is forgotten with the process.
const consoles = new WeakMap<object, Console>();
let { console: outside } = globalThis;
Object.defineProperty(globalThis, 'console', {
  configurable: true,
  get: () => (world?.owner && consoles.get(world.owner)) ?? outside,
  set: (value: Console) => {
    if (world?.owner) consoles.set(world.owner, value);
    else outside = value;
  },
});

const bound = (run: Run, args: unknown[]) => (args.length === 0 ? (run as () => void) : () => run(...args));
const clearOr = (clear: (timer: never) => void) => (timer: unknown) => {
  if (timer instanceof SimulatedTimer) timer.cancel();
  else clear(timer as never);
};

Object.assign(globalThis, {
  setTimeout: (run: Run, ms: unknown, ...args: unknown[]) =>
    world ? new SimulatedTimer(world, bound(run, args), delayOf(ms)) : real.setTimeout(run, ms as number, ...args),
  setInterval: (run: Run, ms: unknown, ...args: unknown[]) =>
    world
      ? new SimulatedTimer(world, bound(run, args), delayOf(ms), true)
      : real.setInterval(run, ms as number, ...args),
  setImmediate: (run: Run, ...args: unknown[]) =>
    world ? new SimulatedTimer(world, bound(run, args), 0) : real.setImmediate(run, ...args),
  clearTimeout: clearOr(real.clearTimeout),
  clearInterval: clearOr(real.clearInterval),
  clearImmediate: clearOr(real.clearImmediate),
  Date: class extends RealDate {
    constructor(...args: unknown[]) {
      // A cast, because the overloads of Date cannot be expressed by one list.
      super(...((args.length === 0 && world ? [world.date()] : args) as [number]));
    }

    static override now(): number {
      return world ? world.date() : RealDate.now();
    }
  },
});
Object.defineProperty(performance, 'now', { value: () => (world ? world.now : real.now()), configurable: true });
Math.random = () => (world ? world.programRandom.below(2 ** 32) / 2 ** 32 : real.random());
Object.assign(crypto, {
  randomBytes: (length: number, ...rest: never[]) =>
    world ? world.programRandom.bytes(length) : originals.randomBytes(length, ...(rest as [])),
  randomUUID: () => (world ? uuidOf(world.programRandom.bytes(16)) : originals.randomUUID()),
});
Object.assign(net, {
  connect: (...args: never[]) => (network ? network.open(args) : connect(...(args as unknown as [string]))),
  createConnection: (...args: never[]) =>
    network ? network.open(args) : createConnection(...(args as unknown as [string])),
  createServer: (...args: never[]) => (network ? network.createServer(args) : createServer(...(args as unknown as []))),
});
replaceHttp(() => network);
replaceFiles(() => world);
syncBuiltinESMExports();

/** Formats bytes as a UUID of version 4. */
function uuidOf(bytes: Buffer): string {
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x40, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex').replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, '$1-$2-$3-$4-$5');
}
