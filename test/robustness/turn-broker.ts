// Runs the embedded broker with its management API, for a test that measures its event loop turns. It receives `start`,
// `advance` and `stop` by IPC. A bystander runs between `start` and `stop`, in the broker's thread. The answer to `stop` contains the steps of the whole
// request, of the longest turn, and of the bystander's longest wait (step-count.ts). The broker's time advances with its steps
// only, so that a slice of 4 ms contains the same work on each machine. The optional argument is the folder of a store.

import { startManagement } from '../../src/broker/management.ts';
import { startBroker } from '../../src/broker/server.ts';
import { openStore } from '../../src/broker/store.ts';
import { replaceTime, time } from '../../src/time.ts';
import { HandClock } from '../support/broker-clock.ts';
import { Bystander } from './bystander.ts';
import { steps } from './step-count.ts';

/** Fewer than the broker does in a millisecond, so that small requests take many slices. */
const stepsPerMs = 2000;

replaceTime({ ...time, now: () => steps() / stepsPerMs });
const [, , folder] = process.argv;
const store = folder === undefined ? undefined : await openStore(folder, { pid: process.pid, isAlive: () => false });
// A timer runs only if the test advances the clock. Otherwise it would add its work to a turn by chance.
const clock = new HandClock();
const broker = await startBroker({ clock, ...(store && { store }) });
const management = await startManagement(broker);
let longest = 0;
let last = 0;
let started = 0;
let bystander: Bystander | undefined;

function turn(): void {
  const now = steps();
  longest = Math.max(longest, now - last);
  last = now;
  if (bystander !== undefined) setImmediate(turn);
}

async function start(): Promise<object> {
  bystander = await Bystander.start(broker.port, steps);
  started = steps();
  last = started;
  longest = 0;
  turn();
  return {};
}

async function stop(): Promise<object> {
  const stopped = bystander;
  await stopped?.stop();
  bystander = undefined;
  turn();
  return { all: steps() - started, longest, wait: stopped?.longest, rounds: stopped?.rounds };
}

async function advance(milliseconds: number): Promise<object> {
  clock.move(milliseconds);
  return {};
}

const answers = { start, stop, advance };
process.on('message', async ([word, milliseconds]: [keyof typeof answers, number]) =>
  process.send?.(await answers[word](milliseconds)),
);
process.on('disconnect', () => process.exit());
process.send?.({ port: broker.port, managementPort: management.port });
