// Runs the regressions, and prints a line of JSON for each: its title and its violations. A process of node runs this file,
// because the simulation replaces clocks and sockets of its process.

import './world/globals.ts';
import { mkdtempSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startManagement } from '../../src/broker/management.ts';
import { type Broker, startBroker } from '../../src/broker/server.ts';
import { cli } from '../../src/cli/cli.ts';
import { type EndingRegression, endingRegressions, killedReplacement, type Loss, regressions } from './regressions.ts';
import { Simulation } from './simulation.ts';
import { enter } from './world/globals.ts';
import { Network } from './world/network.ts';
import { preload } from './world/preload.ts';
import { SimulatedProcess } from './world/process.ts';
import { World } from './world/world.ts';

/** Number of losses of a regression, each after another number of events of the command. */
const losses = 60;
/** Virtual time in which the command must end: after two signals as after a loss of the broker (signals: 7 s). */
const endMs = { 'vhost removed': 15 * 60_000, 'broker killed': 15 * 60_000, silence: 7_000 } as const;
/**
 * Statuses with which a command may end after the loss. 76 is a loss during the handshake, and 67 a request that was
 * unroutable before the loss. A command that has done its work before the signals ends with 0, or with a verdict.
 */
const statusesOfLoss = [67, 69, 75, 76, 78];
const statuses = { 'vhost removed': statusesOfLoss, 'broker killed': statusesOfLoss, silence: [0, 143] } as const;
const mostSteps = 400_000;

interface Files {
  readonly config: string;
  /** The configuration of `hasOtherQueue`. */
  readonly other: string;
}

/** Returns what was violated if the command loses its broker after this number of its events. */
async function violationOf(
  regression: EndingRegression,
  event: number,
  { config, other }: Files,
): Promise<string | undefined> {
  const world = new World(event);
  world.eventMs = 0.01;
  const network = new Network(world);
  const leave = enter(world, network);
  const { loss } = regression;
  const command = commandOf(network, regression, regression.hasOtherQueue ? other : config);
  const [server, lose] = startServer(network, { loss, command });
  let lostAt: number | undefined;
  const start = () => {
    command.start(cli);
    world.afterEvents(command, event, () => {
      lostAt = world.now;
      lose();
    });
  };
  world.later(1, () => {
    if (loss === 'silence') publisherOf(network, config).start(cli).onEnd(start);
    else start();
  });
  await world.run(() => command.end !== undefined || world.now > (lostAt ?? 60_000) + endMs[loss], mostSteps);
  const { end, stderr } = command;
  command.kill();
  server.kill();
  leave();
  const { verdicts = [] } = regression;
  const allowed: readonly number[] = [...statuses[loss], ...verdicts];
  if (lostAt === undefined || (end?.status !== undefined && allowed.includes(end.status))) return undefined;
  return `event ${event}: status ${end?.status}: ${stderr.trim()}`;
}

/** Starts a broker. Returns its process, and a function that causes the loss. */
function startServer(
  network: Network,
  { loss, command }: { loss: Loss; command: SimulatedProcess },
): readonly [SimulatedProcess, () => void] {
  let broker: Broker | undefined;
  const server = new SimulatedProcess(network, { name: 'broker', host: 'b0' }).start(async () => {
    broker = await startBroker({ port: 5672 });
    await startManagement(broker, { host: 'b0', port: 15672 });
    return new Promise(() => undefined);
  });
  const remove = () => void broker?.removeVhost('/');
  const causes: Record<Loss, () => void> = {
    'vhost removed': () => network.world.after(0, remove, server),
    'broker killed': () => server.kill(),
    silence: () => {
      server.freeze(Number.POSITIVE_INFINITY);
      for (let signals = 0; signals < 2; signals += 1) command.signal('SIGTERM');
    },
  };
  return [server, causes[loss]];
}

/** Returns a publisher, which declares the queue `work` and fills it. */
function publisherOf(network: Network, config: string): SimulatedProcess {
  const args = ['publish', 'work', 'one', '--config', config, '--url', 'amqp://b0:5672'];
  return new SimulatedProcess(network, { name: 'publisher', host: 'p0', args });
}

/** Returns the process of the command, which is not started yet. */
function commandOf(network: Network, { args, lines }: EndingRegression, config: string): SimulatedProcess {
  const handler = join(import.meta.dirname, 'handler.ts');
  const all = [
    ...args.map((arg) => (arg === 'HANDLER' ? handler : arg)),
    '--config',
    config,
    '--url',
    'amqp://b0:5672',
  ];
  const command = new SimulatedProcess(network, { name: 'command', host: 'c0', args: all });
  command.input(lines.map((line) => `${line}\n`).join(''));
  return command;
}

/** Kills the replacement at every eighth of its events. */
async function violationsOfKills(): Promise<string[]> {
  const { plan, mostEvents } = killedReplacement;
  const all: string[] = [];
  for (let event = 0; event < mostEvents; event += 8) {
    const replacement = plan.replacement && { ...plan.replacement, kills: [event] };
    const { violations } = await new Simulation({ ...plan, ...(replacement && { replacement }) }).run();
    all.push(...violations.map((violation) => `event ${event}: ${violation}`));
  }
  return all;
}

async function run(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'mq-regressions-'));
  const files = { config: join(folder, 'rascal.json'), other: join(folder, 'other.json') };
  const work = { vhost: '/', queue: 'work' };
  const settings = { publications: { work }, subscriptions: { work }, mq: { retry: { attempts: 2, delays: [100] } } };
  const save = (file: string, queue: object) => {
    const vhost = { queues: { work: queue }, exchanges: { logs: { type: 'topic' } } };
    writeFileSync(file, JSON.stringify({ ...settings, vhosts: { '/': vhost } }));
  };
  save(files.config, {});
  save(files.other, { options: { arguments: { 'x-queue-type': 'quorum' } } });
  for (const { title, plan } of regressions) {
    const { violations } = await new Simulation(plan).run();
    print({ title, violations });
  }
  for (const regression of endingRegressions) {
    const violations: string[] = [];
    for (let loss = 0; loss < losses; loss += 1) {
      const violation = await violationOf(regression, loss * (regression.everyEvents ?? 1), files);
      if (violation !== undefined) violations.push(violation);
    }
    print({ title: regression.title, violations });
  }
  print({ title: killedReplacement.title, violations: await violationsOfKills() });
  rmSync(folder, { recursive: true });
}

function print(result: { readonly title: string; readonly violations: readonly string[] }): void {
  writeSync(1, `${JSON.stringify(result)}\n`);
}

Error.stackTraceLimit = 0;
await preload();
await run();
process.exit(0);
