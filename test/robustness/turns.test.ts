// Tests that one client does not block the others. While the broker handles a large request, each turn of its event loop is
// short, and a bystander does not wait long. Both are measured in steps of the broker's thread (step-count.ts), because a
// duration depends on the machine and its other programs. Each test prints the steps of the request, the longest turn, and the
// longest wait.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { node } from '../support/node.ts';
import { type BrokerPorts, expensiveRequests } from './expensive-requests.ts';

/** Steps of a turn. Slices of 8 ms have 16,000, and a step of the work may be long: a ring buffer that grows copies its items. */
const turnLimit = 80_000;
/** Turns of the maximum length in which a bystander may wait. */
const turnsPerWait = 2;

interface Measured {
  /** The steps of the request and of the bystander. */
  readonly all: number;
  readonly longest: number;
  readonly wait: number;
  /** The number of messages that the bystander has sent and received. */
  readonly rounds: number;
}

// All requests share two brokers, because starting a broker takes longer than a request.
const brokers = new Map<boolean, Promise<TurnBroker>>();

for (const { title, size, isStored = false, limit = turnLimit, prepare } of expensiveRequests) {
  test(`${title}: keeps the turns of the event loop short`, async () => {
    const starting = brokers.get(isStored) ?? TurnBroker.start(isStored);
    brokers.set(isStored, starting);
    const broker = await starting;
    const { all, longest, wait, rounds } = await broker.measure(await prepare(broker, size));
    const row = [all, longest, wait].map((count) => String(count).padStart(10));
    process.stdout.write(`${title.padEnd(66)}${row.join('')}\n`);
    assert.ok(rounds > 0);
    assert.ok(longest < limit, `the longest turn has ${longest} steps`);
    assert.ok(wait < limit * turnsPerWait, `the longest wait has ${wait} steps`);
  });
}

test.after(async () => {
  for (const broker of brokers.values()) await (await broker).stop();
});

class TurnBroker implements BrokerPorts {
  readonly port: number;
  readonly api: BrokerPorts['api'];
  readonly #child: ChildProcess;
  readonly #folder: string;

  static async start(isStored: boolean): Promise<TurnBroker> {
    const counter = pathToFileURL(join(import.meta.dirname, 'step-count.ts')).href;
    const program = join(import.meta.dirname, 'turn-broker.ts');
    const folder = await mkdtemp(join(tmpdir(), 'mq-turns-'));
    const child = spawn(node, ['--import', counter, program, ...(isStored ? [folder] : [])], {
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

  async advance(milliseconds: number): Promise<void> {
    await this.#ask('advance', milliseconds);
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

  async #ask(word: 'start' | 'advance' | 'stop', milliseconds = 0): Promise<Measured> {
    const answer = once(this.#child, 'message');
    this.#child.send([word, milliseconds]);
    return (await answer)[0];
  }
}

test.run();
