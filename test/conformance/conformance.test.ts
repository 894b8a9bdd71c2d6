// Runs the same jobs of third-party clients on RabbitMQ and on the embedded broker. The answers of RabbitMQ are the reference.

import { randomBytes } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { skip } from '../../src/harness/test-file/skip.ts';
import { mq, rabbitmq } from './brokers.ts';
import { type Address, answersOf, type Client, clients, isInstalled } from './clients.ts';
import { covered } from './covered.ts';
import { type Expected, verdictOf } from './differences.ts';
import list from './expected-differences.json' with { type: 'json' };
import { normalise } from './normalise.ts';

const expected: readonly Expected[] = list;
const conformance = suite('conformance');
const [reference, ours] = await Promise.all([rabbitmq(), mq()]);
const only = process.env['MQ_CONFORMANCE_CLIENT'];
const isPart = process.env['MQ_CONFORMANCE_JOB'] !== undefined;

/** Client → RabbitMQ's answers. */
const references = new Map<string, ReadonlyMap<string, unknown>>();

conformance.after(async () => {
  await Promise.all([reference.end(), ours.end()]);
});

for (const client of clients) {
  if (only !== undefined && client.name !== only) continue;
  conformance(`${client.name} gets the same answers from both brokers`, async () => {
    needClient(client);
    const [there, here] = await Promise.all([answers(client, reference), answers(client, ours)]);
    references.set(client.name, there);
    const compared = { client: client.name, rabbitmq: reference.version, reference: there, ours: here };
    const { problems, expected: count } = verdictOf(compared, isPart ? expectedOf(client, there) : expected);
    process.stdout.write(`  ${client.name}: ${there.size} jobs, ${count} expected differences\n`);
    assert.is(problems.join('\n'), '');
    assert.is(silentJobs(there), '', 'jobs that RabbitMQ did not answer');
  });
}

conformance('every request of real clients has a job', () => {
  const missing: string[] = [];
  for (const [table, rows] of Object.entries(covered)) {
    for (const [row, { client, job, contains = '' }] of Object.entries(rows)) {
      const reference = references.get(client);
      if (reference === undefined || isPart) continue; // the client was skipped or failed
      const answer = reference.has(job) ? JSON.stringify(reference.get(job)) : undefined;
      if (!answer?.replaceAll('\\"', '"').includes(contains))
        missing.push(`${table}, ${row}: ${client}, ${job}: ${answer}`);
    }
  }
  assert.equal(missing, []);
});

conformance('every client with expected differences exists', () => {
  const names = expected.flatMap((entry) => Object.keys(entry.mq));
  assert.equal(
    names.filter((name) => !clients.some((client) => client.name === name)),
    [],
  );
});

conformance.run();

/** Returns the expected differences of the jobs that ran. */
function expectedOf({ name }: Client, ran: ReadonlyMap<string, unknown>): readonly Expected[] {
  return expected.map((entry) => {
    const jobs = Object.entries(entry.mq[name] ?? {}).filter(([job]) => ran.has(job));
    return { ...entry, mq: { [name]: Object.fromEntries(jobs) } };
  });
}

function needClient(client: Client): void {
  if (isInstalled(client)) return;
  const why = `${client.name} is not installed: ${client.needs} is missing (test/setup)`;
  if (process.env['CI'] === 'true') throw new Error(why);
  skip(why);
}

async function answers(client: Client, address: Address): Promise<Map<string, unknown>> {
  const run = { prefix: `run${randomBytes(4).toString('hex')}`, user: new URL(address.url).username };
  const found = await answersOf(client, address, run.prefix);
  return new Map([...found].map(([job, answer]) => [job, normalise(answer, run)]));
}

function silentJobs(found: ReadonlyMap<string, unknown>): string {
  const silent = [...found].filter(([, answer]) => (answer as { silent?: unknown } | null)?.silent !== undefined);
  return silent.map(([job]) => job).join(', ');
}
