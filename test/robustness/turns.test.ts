// One client must not stop the others: whatever it asks for, no turn of the broker's event loop takes long, and the turns
// do not grow with what is asked for. A turn is measured in processor time, so other programs of the machine do not count.
// It prints a table for people: the longest turn at both sizes, and the longest wait of a client that publishes and
// consumes one message at a time beside it.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { node } from '../support/node.ts';
import { bombs, type Place } from './bombs.ts';
import { Bystander } from './bystander.ts';

/** The broker collects garbage before it measures. After that, what it allocates fits into the young generation. */
const withoutCollections = ['--expose-gc', '--min-semi-space-size=64', '--max-semi-space-size=64'];
const limitMs = 100;
const ratio = 3;
/** Turns shorter than this are not compared. */
const noiseMs = 20;

for (const { title, size, prepare } of bombs) {
  test(`${title} takes many turns of the event loop, none of them long`, () =>
    withTurns(async (place, measure) => {
      const turns: number[] = [];
      const waits: number[] = [];
      for (const times of [1, 2]) {
        const goOff = await prepare(place, size * times);
        const bystander = await Bystander.start(place.port);
        turns.push(await measure(goOff));
        await bystander.stop();
        assert.ok(bystander.rounds > 0);
        waits.push(bystander.longestMs);
      }
      const [once = 0, twice = 0] = turns;
      const said = `${once.toFixed(1)} ms, of twice the size ${twice.toFixed(1)} ms`;
      const row = [...turns, ...waits].map((ms) => `${ms.toFixed(1)} ms`.padStart(10)).join('');
      process.stdout.write(`${title.padEnd(76)}${row}\n`);
      assert.ok(Math.max(once, twice) < limitMs, said);
      assert.ok(twice < ratio * Math.max(once, noiseMs), said);
    }));
}

async function withTurns(
  run: (place: Place, measure: (work: () => Promise<void>) => Promise<number>) => Promise<void>,
): Promise<void> {
  const program = join(import.meta.dirname, 'turn-broker.ts');
  const child = spawn(node, [...withoutCollections, program], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const ended = once(child, 'exit');
  try {
    const [{ port, managementPort }] = await once(child, 'message');
    const ask = async (word: string): Promise<number> => {
      const answer = once(child, 'message');
      child.send(word);
      return (await answer)[0].longest;
    };
    const api: Place['api'] = async (verb, path, body) => {
      const headers = { authorization: `Basic ${btoa('guest:guest')}`, 'content-type': 'application/json' };
      const request = { method: verb, headers, ...(body && { body: JSON.stringify(body) }) };
      return (await fetch(`http://127.0.0.1:${managementPort}/api${path}`, request)).text();
    };
    await run({ port, api }, async (work) => {
      await ask('start');
      await work();
      return ask('stop');
    });
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
}

test.run();
