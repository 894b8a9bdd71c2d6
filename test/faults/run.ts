// `npm run test:faults`: runs every fault in a trial of its own, and prints a table and JSON at the end.
//
//   npm run test:faults -- [--long] [--on embedded|4.0|4.3 …] [--only TEXT …] [--times N] [--rate N] [--seed N]
//     --healthy SECONDS   average time before each fault   --confirmed N   repeat each trial until N messages are confirmed
//     --minutes N         start no trial after N minutes
//     --messages N        messages of each ledger run ("random statuses, …")
//     --cluster NAME      an existing cluster (with one --on)
//     --broker            the broker of MQ_URL and MQ_MANAGEMENT_URL, for ledger runs (with one --on)
//     --json FILE         the figures                          --executable FILE

import { writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { parseArgs } from 'node:util';
import { attachCluster, type Cluster } from '../../src/cluster/cluster.ts';
import { startCluster } from '../../src/cluster/start.ts';
import { clusterFaults } from './cluster-faults.ts';
import type { Fault } from './fault.ts';
import { type Ledger, ledgers, runLedger } from './ledger.ts';
import { addressPlace, clusterPlace, embeddedPlace, type Place } from './place.ts';
import { killRoles } from './process.ts';
import { roleFaults } from './role-faults.ts';
import { drawTable, type Row } from './table.ts';
import { runTrial } from './trial.ts';

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
const say = (line: string) => process.stdout.write(`${line}\n`);
const results: (Row & { readonly on: string })[] = [];

const endsAt = performance.now() + Number(values.minutes ?? Number.POSITIVE_INFINITY) * 60_000;

let place: Place | undefined;
let cluster: Cluster | undefined;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => void interrupted(signal));

say(`--seed ${seed}`);
for (const on of values.on ?? ['embedded', ...(isLong ? ['4.0'] : []), '4.3']) {
  const where = values.broker ? 'at MQ_URL' : 'three nodes';
  say(`\n${on === 'embedded' ? 'the embedded broker' : `RabbitMQ ${on}, ${where}`}`);
  const isWanted = ({ name }: { name: string }) => values.only?.some((text) => name.includes(text)) ?? true;
  const wanted = [...clusterFaults, ...roleFaults].filter(
    (fault) => (fault.on === 'both' || (fault.on === 'embedded') === (on === 'embedded')) && isWanted(fault),
  );
  const all = async (makePlace: () => Promise<Place>) => {
    if (!values.broker) for (const fault of wanted) await trials(on, fault, makePlace);
    for (const one of ledgers.filter(isWanted)) await ledger(on, one, makePlace);
  };
  if (on === 'embedded') await all(embeddedPlace);
  else if (values.broker) await all(() => addressPlace(on));
  else {
    const started = await clusterOf(on);
    if (values.cluster === undefined) cluster = started;
    try {
      await all(() => clusterPlace(started));
    } finally {
      await cluster?.down();
      cluster = undefined;
    }
  }
  say(drawTable(results.filter((result) => result.on === on)));
}
const failed = results.filter(({ verdict }) => verdict.failures.length > 0).length;
if (values.json !== undefined)
  writeFileSync(values.json, `${JSON.stringify({ seed, isLong, results }, undefined, 2)}\n`);
say(`\n${results.length - failed} passed, ${failed} failed (--seed ${seed})`);
process.exit(failed === 0 && results.length > 0 ? 0 : 1);

/** Runs one trial, or as many as --confirmed needs. Each has its own row. */
async function trials(on: string, fault: Fault, makePlace: () => Promise<Place>): Promise<void> {
  if (fault.needsRoot && process.getuid?.() !== 0) {
    say(`${fault.name}: skipped, because it requires root and iptables`);
    return;
  }
  let confirmed = 0;
  do {
    if (performance.now() > endsAt) {
      say(`${fault.name}: not started, because ${values.minutes} minutes have passed`);
      return;
    }
    await trial(on, fault, makePlace);
    const { verdict } = results.at(-1) as Row;
    if (verdict.failures.length > 0) return;
    confirmed += verdict.confirmed;
  } while (confirmed < Number(values.confirmed ?? 0));
}

async function trial(on: string, fault: Fault, makePlace: () => Promise<Place>): Promise<void> {
  place = await makePlace();
  try {
    const verdict = await runTrial({
      place,
      faults: [fault],
      // Each trial of a fault has another seed, so that the moments differ.
      seed: seed + results.filter((result) => result.on === on && result.fault === fault.name).length,
      isLong,
      say,
      ...(rate !== undefined && { rate }),
      ...(values.healthy !== undefined && { healthyMs: Number(values.healthy) * 1000 }),
      ...(values.times !== undefined && { times: Number(values.times) }),
      ...(values.executable !== undefined && { executable: values.executable }),
    });
    results.push({ on, fault: fault.name, verdict });
  } finally {
    await place.end();
  }
}

async function ledger(on: string, one: Ledger, makePlace: () => Promise<Place>): Promise<void> {
  if (performance.now() > endsAt) {
    say(`${one.name}: not started, because ${values.minutes} minutes have passed`);
    return;
  }
  const messages = Number(values.messages ?? (isLong ? 50_000 : 500));
  say(`${one.name}: ${messages} messages`);
  place = await makePlace();
  try {
    const { executable } = values;
    const verdict = await runLedger({
      place,
      ledger: one,
      messages,
      say,
      ...(executable !== undefined && { executable }),
    });
    results.push({ on, fault: one.name, verdict });
  } finally {
    await place.end();
  }
}

/** Ends the roles, the broker and the cluster of the run. */
async function interrupted(signal: NodeJS.Signals): Promise<void> {
  say(`interrupted by ${signal} (--seed ${seed})`);
  killRoles();
  await place?.broker.kill().catch(() => undefined);
  await cluster?.down();
  process.exit(128 + constants.signals[signal]);
}

function clusterOf(version: string): Promise<Cluster> {
  if (values.cluster !== undefined) return attachCluster({ name: values.cluster });
  return startCluster({ image: `mq-rabbitmq:${version}`, owner: process.pid });
}
