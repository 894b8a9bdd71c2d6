// Tests the world of the simulation: when a process ends that is killed after events or effects.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Network } from './world/network.ts';
import { SimulatedProcess } from './world/process.ts';
import { World } from './world/world.ts';

function processIn(world: World): SimulatedProcess {
  return new SimulatedProcess(new Network(world), { name: 'one', host: 'h0' });
}

test('keeps several functions that wait for events of one process', async () => {
  const world = new World(1);
  const process = processIn(world);
  const calls: string[] = [];
  for (const events of [4, 1, 2]) world.afterEvents(process, events, () => calls.push(`after ${events}`));
  for (let event = 0; event < 5; event += 1) world.after(event, () => calls.push(`event ${event}`), process);
  await world.run(() => false);
  assert.equal(calls, ['event 0', 'after 1', 'event 1', 'after 2', 'event 2', 'event 3', 'after 4', 'event 4']);
});

test('skips the event before which its process was killed', async () => {
  const world = new World(1);
  const process = processIn(world);
  const calls: number[] = [];
  world.afterEvents(process, 2, () => process.kill());
  for (let event = 0; event < 5; event += 1) world.after(event, () => calls.push(event), process);
  await world.run(() => false);
  assert.equal(calls, [0, 1]);
});

for (const { when, expected } of [
  { when: 'begun', expected: ['effect 0', 'effect 1'] },
  { when: 'ended', expected: ['effect 0', 'effect 1', 'effect 2'] },
] as const) {
  test(`kills a process inside an event when an effect has ${when}`, async () => {
    const world = new World(1);
    const process = processIn(world);
    const calls: string[] = [];
    world.afterEffects(process, 2, { when, run: () => process.kill() });
    const run = () => {
      for (let effect = 0; effect < 5; effect += 1) world.effect(process, () => calls.push(`effect ${effect}`));
    };
    world.after(0, run, process);
    await world.run(() => false);
    assert.equal(calls, expected);
  });
}

test.run();
