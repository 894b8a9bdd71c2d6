// One client must not block the others: for any request, each turn of the broker's event loop is short, other clients get
// their answers soon, and neither time grows with the size of the request. Both are measured in processor time of the broker's
// thread, so that other programs of the machine do not count. The test prints a table: the longest turn and the longest wait
// of a bystander at both sizes.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { node } from '../support/node.ts';
import { bombs, type Place } from './bombs.ts';

/** The broker collects garbage before it measures. Its later allocations fit into the young generation. */
const withoutCollections = ['--expose-gc', '--min-semi-space-size=64', '--max-semi-space-size=64'];
const waitLimitMs = 100;
const ratio = 3;
/** Shorter turns and waits are not compared. */
const noiseMs = 20;

interface Measured {
  /** The longest turn and the longest wait, in milliseconds. */
  readonly longest: number;
  readonly wait: number;
  /** Number of messages that the bystander has sent and received. */
  readonly rounds: number;
}

// All bombs share two brokers, because starting a broker needs longer than a bomb.
const brokers = new Map<boolean, Promise<TurnBroker>>();

for (const { title, size, isStored = false, turnLimitMs = 50, prepare } of bombs) {
  test(`${title}: many short turns of the event loop`, async () => {
    const starting = brokers.get(isStored) ?? TurnBroker.start(isStored);
    brokers.set(isStored, starting);
    const broker = await starting;
    const once = await broker.measure(await prepare(broker, size));
    const twice = await broker.measure(await prepare(broker, size * 2));
    const row = [once.longest, twice.longest, once.wait, twice.wait].map((ms) => `${ms.toFixed(1)} ms`.padStart(10));
    process.stdout.write(`${title.padEnd(76)}${row.join('')}\n`);
    assert.ok(once.rounds > 0 && twice.rounds > 0);
    assertFlat('turn', [once.longest, twice.longest], turnLimitMs);
    assertFlat('wait', [once.wait, twice.wait], waitLimitMs);
  });
}

test.after(async () => {
  for (const broker of brokers.values()) await (await broker).stop();
});

function assertFlat(what: string, [once, twice]: readonly [number, number], limitMs: number): void {
  const said = `the longest ${what} is ${once.toFixed(1)} ms, of twice the size ${twice.toFixed(1)} ms`;
  assert.ok(Math.max(once, twice) < limitMs, said);
  assert.ok(twice < ratio * Math.max(once, noiseMs), said);
}

class TurnBroker implements Place {
  readonly port: number;
  readonly api: Place['api'];
  readonly #child: ChildProcess;
  readonly #folder: string;

  static async start(isStored: boolean): Promise<TurnBroker> {
    const program = join(import.meta.dirname, 'turn-broker.ts');
    const folder = await mkdtemp(join(tmpdir(), 'mq-turns-'));
    const child = spawn(node, [...withoutCollections, program, ...(isStored ? [folder] : [])], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const [ports] = await once(child, 'message');
    return new TurnBroker(child, folder, ports);
  }

  private constructor(
    child: ChildProcess,
    folder: string,
    { port, managementPort }: { port: number; managementPort: number },
  ) {
    this.#child = child;
    this.#folder = folder;
    this.port = port;
    this.api = async (verb, path, body) => {
      const headers = { authorization: `Basic ${btoa('guest:guest')}`, 'content-type': 'application/json' };
      const request = { method: verb, headers, ...(body && { body: JSON.stringify(body) }) };
      return (await fetch(`http://127.0.0.1:${managementPort}/api${path}`, request)).text();
    };
  }

  async measure(work: () => Promise<void>): Promise<Measured> {
    await this.#ask('start');
    try {
      await work();
    } catch (error) {
      await this.#ask('stop');
      throw error;
    }
    return this.#ask('stop');
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #ask(word: 'start' | 'stop'): Promise<Measured> {
    const answer = once(this.#child, 'message');
    this.#child.send(word);
    return (await answer)[0];
  }
}

test.run();
