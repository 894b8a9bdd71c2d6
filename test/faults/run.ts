// `npm run test:faults`: runs a separate trial for every fault, and prints a table of the results.
//
//   npm run test:faults -- [--long] [--on embedded|4.0|4.3 …] [--only TEXT …] [--times N] [--rate N] [--seed N]
//     --healthy SECONDS   average time without a fault before each fault
//     --confirmed N       repeat each trial until N messages are confirmed
//     --minutes N         start no trial after N minutes
//     --messages N        number of messages of each ledger run ("random statuses, …")
//     --cluster NAME      use an existing cluster (with one --on)
//     --broker            use the broker at MQ_URL and MQ_MANAGEMENT_URL, only for ledger runs (with one --on)
//     --json FILE         write the results to a file
//     --executable FILE   use this executable (default dist/mq)

import { writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { parseArgs } from 'node:util';
import { attachCluster, type Cluster } from '../../src/cluster/cluster.ts';
import { startCluster } from '../../src/cluster/start.ts';
import { clusterFaults } from './cluster-faults.ts';
import type { Fault } from './fault.ts';
import { type Ledger, ledgers, runLedger } from './ledger.ts';
import { killRoles } from './process.ts';
import { roleFaults } from './role-faults.ts';
import { drawTable, type Row } from './table.ts';
import { runTrial } from './trial.ts';
import { addressBroker, clusterBroker, embeddedBroker, type TrialBroker } from './trial-broker.ts';

const { values } = parseArgs({
  options: {
    long: { type: 'boolean' },
    on: { type: 'string', multiple: true },
    only: { type: 'string', multiple: true },
    times: { type: 'string' },
    rate: { type: 'string' },
    healthy: { type: 'string' },
    confirmed: { type: 'string' },
    minutes: { type: 'string' },
    messages: { type: 'string' },
    broker: { type: 'boolean' },
    seed: { type: 'string' },
    cluster: { type: 'string' },
    json: { type: 'string' },
    executable: { type: 'string' },
  },
});
const isLong = values.long ?? false;
const seed = Number(values.seed ?? Math.floor(Math.random() * 0xffff_ffff));
const rate = values.rate === undefined ? (isLong ? 1500 : undefined) : Number(values.rate);
const log = (line: string) => process.stdout.write(`${line}\n`);
const results: (Row & { readonly on: string })[] = [];

const endsAt = performance.now() + Number(values.minutes ?? Number.POSITIVE_INFINITY) * 60_000;

let broker: TrialBroker | undefined;
let cluster: Cluster | undefined;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => void interrupted(signal));

log(`--seed ${seed}`);
for (const on of values.on ?? ['embedded', ...(isLong ? ['4.0'] : []), '4.3']) {
  const where = values.broker ? 'at MQ_URL' : 'three nodes';
  log(`\n${on === 'embedded' ? 'the embedded broker' : `RabbitMQ ${on}, ${where}`}`);
  const isWanted = ({ name }: { name: string }) => values.only?.some((text) => name.includes(text)) ?? true;
  const wanted = [...clusterFaults, ...roleFaults].filter(
    (fault) => (fault.on === 'both' || (fault.on === 'embedded') === (on === 'embedded')) && isWanted(fault),
  );
  const all = async (makeBroker: () => Promise<TrialBroker>) => {
    if (!values.broker) for (const fault of wanted) await trials(on, fault, makeBroker);
    for (const one of ledgers.filter(isWanted)) await ledger(on, one, makeBroker);
  };
  if (on === 'embedded') await all(embeddedBroker);
  else if (values.broker) await all(() => addressBroker(on));
  else {
    const started = await clusterOf(on);
    if (values.cluster === undefined) cluster = started;
    try {
      await all(() => clusterBroker(started));
    } finally {
      await cluster?.down();
      cluster = undefined;
    }
  }
  log(drawTable(results.filter((result) => result.on === on)));
}
const failed = results.filter(({ verdict }) => verdict.failures.length > 0).length;
if (values.json !== undefined)
  writeFileSync(values.json, `${JSON.stringify({ seed, isLong, results }, undefined, 2)}\n`);
log(`\n${results.length - failed} passed, ${failed} failed (--seed ${seed})`);
process.exit(failed === 0 && results.length > 0 ? 0 : 1);

/** Runs one trial, or as many as --confirmed requires. Each trial has a row in the table. */
async function trials(on: string, fault: Fault, makeBroker: () => Promise<TrialBroker>): Promise<void> {
  if (fault.needsRoot && process.getuid?.() !== 0) {
    log(`${fault.name}: skipped, because it requires root and iptables`);
    return;
  }
  let confirmed = 0;
  do {
    if (performance.now() > endsAt) {
      log(`${fault.name}: not started, because ${values.minutes} minutes have passed`);
      return;
    }
    await trial(on, fault, makeBroker);
    const { verdict } = results.at(-1) as Row;
    if (verdict.failures.length > 0) return;
    confirmed += verdict.confirmed;
  } while (confirmed < Number(values.confirmed ?? 0));
}

async function trial(on: string, fault: Fault, makeBroker: () => Promise<TrialBroker>): Promise<void> {
  broker = await makeBroker();
  try {
    const verdict = await runTrial({
      broker,
      faults: [fault],
      // Each trial of a fault has a different seed, so that the faults occur at different moments.
      seed: seed + results.filter((result) => result.on === on && result.fault === fault.name).length,
      isLong,
      log,
      ...(rate !== undefined && { rate }),
      ...(values.healthy !== undefined && { healthyMs: Number(values.healthy) * 1000 }),
      ...(values.times !== undefined && { times: Number(values.times) }),
      ...(values.executable !== undefined && { executable: values.executable }),
    });
    results.push({ on, fault: fault.name, verdict });
  } finally {
    await broker.end();
  }
}

async function ledger(on: string, one: Ledger, makeBroker: () => Promise<TrialBroker>): Promise<void> {
  if (performance.now() > endsAt) {
    log(`${one.name}: not started, because ${values.minutes} minutes have passed`);
    return;
  }
  const messages = Number(values.messages ?? (isLong ? 50_000 : 500));
  log(`${one.name}: ${messages} messages`);
  broker = await makeBroker();
  try {
    const { executable } = values;
    const verdict = await runLedger({
      broker,
      ledger: one,
      messages,
      log,
      ...(executable !== undefined && { executable }),
    });
    results.push({ on, fault: one.name, verdict });
  } finally {
    await broker.end();
  }
}

/** Ends the roles, the broker and the cluster of the run after a signal. */
async function interrupted(signal: NodeJS.Signals): Promise<void> {
  log(`interrupted by ${signal} (--seed ${seed})`);
  killRoles();
  await broker?.server.kill().catch(() => undefined);
  await cluster?.down();
  process.exit(128 + constants.signals[signal]);
}

function clusterOf(version: string): Promise<Cluster> {
  if (values.cluster !== undefined) return attachCluster({ name: values.cluster });
  return startCluster({ image: `mq-rabbitmq:${version}`, owner: process.pid });
}
