// Tests that one client does not block the others. For any request, each turn of the broker's event loop is short, a bystander
// does not wait long, and both times do not grow with the size of the request. Both are measured in processor time of the
// broker's thread, so that other programs of the machine do not matter. Each test prints the longest turns and the longest
// waits for a request of one size and of twice the size.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { node } from '../support/node.ts';
import { type BrokerPorts, expensiveRequests } from './expensive-requests.ts';

/** The broker collects garbage before a measurement, and its later allocations fit into the young generation. */
const withoutCollections = ['--expose-gc', '--min-semi-space-size=64', '--max-semi-space-size=64'];
const waitLimitMs = 100;
const ratio = 3;
/** Times below this value are not compared, because they vary too much. */
const noiseMs = 20;

interface Measured {
  /** The longest turn and the longest wait, in milliseconds. */
  readonly longest: number;
  readonly wait: number;
  /** The number of messages that the bystander has sent and received. */
  readonly rounds: number;
}

// All requests share two brokers, because starting a broker takes longer than a request.
const brokers = new Map<boolean, Promise<TurnBroker>>();

for (const { title, size, isStored = false, turnLimitMs = 50, prepare } of expensiveRequests) {
  test(`${title}: keeps the turns of the event loop short`, async () => {
    const starting = brokers.get(isStored) ?? TurnBroker.start(isStored);
    brokers.set(isStored, starting);
    const broker = await starting;
    const single = await broker.measure(await prepare(broker, size));
    const double = await broker.measure(await prepare(broker, size * 2));
    const row = [single.longest, double.longest, single.wait, double.wait].map((ms) =>
      `${ms.toFixed(1)} ms`.padStart(10),
    );
    process.stdout.write(`${title.padEnd(76)}${row.join('')}\n`);
    assert.ok(single.rounds > 0 && double.rounds > 0);
    assertFlat('turn', [single.longest, double.longest], turnLimitMs);
    assertFlat('wait', [single.wait, double.wait], waitLimitMs);
  });
}

test.after(async () => {
  for (const broker of brokers.values()) await (await broker).stop();
});

function assertFlat(what: string, [once, twice]: readonly [number, number], limitMs: number): void {
  const message = `the longest ${what} is ${once.toFixed(1)} ms, and ${twice.toFixed(1)} ms at twice the size`;
  assert.ok(Math.max(once, twice) < limitMs, message);
  assert.ok(twice < ratio * Math.max(once, noiseMs), message);
}

class TurnBroker implements BrokerPorts {
  readonly port: number;
  readonly api: BrokerPorts['api'];
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
