// Injects a reset, a stall or a silence before each frame of the connections of each role, in both directions, at the start
// and after a reconnect. The role must work again or end with a documented status, and no message may be lost.
//   MQ_FRAME_FAULTS_URL   tests this broker instead of the embedded one; its vhost must not be used by others
//   MQ_FRAME_FAULTS_SHOW  prints each fault with the exit status of the role

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { type Channel, type ConsumeMessage, connect } from 'amqplib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { startBroker } from '../../src/broker/server.ts';
import { type CliRun, runCli } from '../support/cli.ts';
import { type Fault, FrameProxy, faultKinds } from './frame-proxy.ts';

/**
 * The number of checks since the fault after which a role hangs, if it has not done its work and has not ended (15 s). The
 * limit is a number and not a time, because the role runs in this process and a slow
 * machine also slows down the checks.
 */
const maxChecks = 750;
const checkMs = 20;
const parallelRuns = 64;
const [first, second] = ['first text', 'second text'];

interface Run {
  /** The name of the queue and the exchange of this run. */
  readonly name: string;
  /** A channel of the test, whose connection does not use the proxy. */
  readonly channel: Channel;
  readonly stdin: PassThrough;
  readonly stdout: () => string;
  /** The texts that arrived at the destination of the role's messages. */
  readonly arrived: Set<string>;
}

interface Role {
  readonly role: Readonly<Record<string, unknown>>;
  readonly args?: readonly string[];
  /** Sends a text to the role. */
  send(run: Run, text: string): void | Promise<void>;
  /** True if the text is sent repeatedly until `done`, because the queue is deleted with the connection of the role. */
  readonly sendsAgain?: boolean;
  /** Returns true if the role has handled the text. */
  done(run: Run, text: string): boolean | Promise<boolean>;
  /** True for a role that reads texts from stdin. A text may be lost if it was not confirmed. */
  readonly isSender?: boolean;
}

/** Moves all messages of the queue of the run to `arrived`. `suffix` selects another queue of the run. */
async function take({ channel, name, arrived }: Run, suffix = ''): Promise<void> {
  for (;;) {
    const message = await channel.get(name + suffix, { noAck: true });
    if (message === false) return;
    arrived.add(message.content.toString());
  }
}

const isPrinted = ({ stdout }: Run, text: string) => stdout().includes(text);
const toQueue = ({ channel, name }: Run, text: string) => {
  channel.sendToQueue(name, Buffer.from(text), { persistent: true });
};
const toInput = ({ stdin }: Run, text: string) => {
  stdin.write(`${text}\n`);
};

const request: Role = {
  role: { behaviour: 'request', publication: 'own' },
  args: ['--lines'],
  isSender: true,
  send: async (run, text) => {
    const answer = (asked: ConsumeMessage | null) => {
      const { replyTo, correlationId } = asked?.properties ?? {};
      run.channel.sendToQueue(replyTo, Buffer.from(`re ${asked?.content}`), { correlationId });
    };
    if (text === first) await run.channel.consume(run.name, answer, { noAck: true });
    toInput(run, text);
  },
  done: (run, text) => isPrinted(run, `re ${text}`),
};

const table: Readonly<Record<string, Role>> = {
  publish: {
    role: { behaviour: 'publish', publication: 'own', persistent: true },
    args: ['--lines'],
    isSender: true,
    send: toInput,
    done: async (run, text) => {
      await take(run);
      return run.arrived.has(text);
    },
  },
  consume: {
    role: { behaviour: 'consume', subscription: 'own', handler: { builtin: 'print' } },
    send: toQueue,
    done: isPrinted,
  },
  'consume from an exclusive queue': {
    role: { behaviour: 'consume', subscription: 'exclusive', handler: { builtin: 'print' } },
    sendsAgain: true,
    send: ({ channel, name }, text) => {
      channel.publish(name, '', Buffer.from(text));
    },
    done: isPrinted,
  },
  reply: {
    role: { behaviour: 'reply', subscription: 'own', handler: { builtin: 'echo' } },
    send: async ({ channel, name, arrived }, text) => {
      const { queue } = await channel.assertQueue('', { exclusive: true });
      await channel.consume(queue, (reply) => arrived.add(`re ${reply?.content}`), { noAck: true });
      channel.sendToQueue(name, Buffer.from(text), { persistent: true, replyTo: queue, correlationId: text });
    },
    done: ({ arrived }, text) => arrived.has(`re ${text}`),
  },
  'retry and dead-letter': {
    role: {
      behaviour: 'consume',
      subscription: 'own',
      handler: { module: './fails.mjs' },
      retry: { attempts: 2, delays: [20], deadLetter: { queue: 'dead' } },
    },
    send: toQueue,
    done: async (run, text) => {
      await take(run, '.letters');
      return run.arrived.has(text);
    },
  },
  request,
  'request with a reply queue': { ...request, args: ['--lines', '--reply-queue'] },
};

/** Returns the rascal.json of a run. */
function configOf(name: string, role: Role['role']): object {
  return {
    vhosts: {
      '/': {
        exchanges: { [name]: { type: 'fanout', options: { durable: true } } },
        queues: {
          [name]: { options: { durable: true } },
          [`${name}.letters`]: { options: { durable: true } },
          exclusive: { replyTo: true, options: { exclusive: true, durable: false, autoDelete: true } },
        },
        bindings: { bound: { source: name, destination: 'exclusive', destinationType: 'queue' } },
      },
    },
    publications: { own: { vhost: '/', queue: name } },
    subscriptions: { own: { vhost: '/', queue: name }, exclusive: { vhost: '/', queue: 'exclusive' } },
    mq: { roles: { role: JSON.parse(JSON.stringify(role).replaceAll('"dead"', JSON.stringify(`${name}.letters`))) } },
  };
}

interface BrokerUnderTest {
  readonly url: URL;
  readonly folder: string;
  readonly channel: Channel;
  count: number;
}

async function withBroker(use: (tested: BrokerUnderTest) => Promise<void>): Promise<void> {
  const chosen = process.env['MQ_FRAME_FAULTS_URL'];
  const broker = chosen === undefined ? await startBroker({ port: 0 }) : undefined;
  const url = new URL(chosen ?? `amqp://127.0.0.1:${broker?.port}/%2F`);
  const folder = mkdtempSync(join(tmpdir(), 'mq-frames-'));
  writeFileSync(join(folder, 'fails.mjs'), "export default () => { throw new Error('the handler always fails'); };\n");
  const connection = await connect(url.href);
  try {
    await use({ url, folder, channel: await connection.createChannel(), count: 0 });
  } finally {
    await connection.close();
    await broker?.close();
    rmSync(folder, { recursive: true });
  }
}

interface Ended {
  readonly status: number;
  readonly proxy: FrameProxy;
}

/**
 * Runs a role to its end behind a proxy that injects the fault. With `again`, the role first does its work and loses its
 * connections, and the fault is injected after that. Throws if the role hangs, loses a message, or ends with an undocumented
 * status.
 */
async function runRole(
  tested: BrokerUnderTest,
  { again, role, fault }: { again: boolean; role: Role; fault?: Fault },
): Promise<Ended> {
  tested.count += 1;
  const name = `frames-${process.pid}-${tested.count}`;
  const { channel, folder, url } = tested;
  const proxy = await FrameProxy.start({ host: url.hostname, port: Number(url.port || 5672) });
  if (!again) proxy.begin(fault);
  const drain = new AbortController();
  let stdout = '';
  const run: Run = { name, channel, stdin: new PassThrough(), stdout: () => stdout, arrived: new Set() };
  let ended: CliRun | undefined;
  const until = async (what: string, isDone: () => boolean | Promise<boolean>) => {
    let wasInjected = proxy.isInjected;
    for (let checks = 0; !(await isDone()); checks += 1) {
      if (checks > maxChecks) throw new Error(`not within ${maxChecks} checks: ${what}`);
      if (proxy.isInjected !== wasInjected) checks = 0;
      wasInjected = proxy.isInjected;
      await delay(checkMs);
    }
  };
  const work = async (text: string, isLast: boolean) => {
    await role.send(run, text);
    // A sender reports a message in doubt and continues, so only the exit status shows the outcome of the last message.
    if (isLast && role.isSender) return;
    await until(text, async () => {
      if (role.sendsAgain) await role.send(run, text);
      return ended !== undefined || role.done(run, text);
    });
  };
  try {
    await channel.assertQueue(name, { durable: true });
    await channel.assertQueue(`${name}.letters`, { durable: true });
    await channel.assertExchange(name, 'fanout', { durable: true });
    const config = join(folder, `${name}.json`);
    writeFileSync(config, JSON.stringify(configOf(name, role.role)));
    const behind = new URL(url);
    behind.hostname = '127.0.0.1';
    behind.port = String(proxy.port);
    behind.search = '?heartbeat=1&connection_timeout=2000';
    const running = runCli(['role', '--config', config, '--url', behind.href, ...(role.args ?? [])], {
      cwd: folder,
      input: run.stdin,
      drain: drain.signal,
      onOutput: (text) => {
        stdout = text;
      },
    });
    void running.then((result) => {
      ended = result;
    });
    await work(first, !again);
    if (again) {
      assert.is(ended, undefined);
      proxy.begin(fault);
      proxy.reset();
      await work(second, true);
    }
    if (role.isSender) run.stdin.end();
    else drain.abort('SIGTERM');
    await until('the end of the role', () => ended !== undefined);
    const { status, stderr } = await running;
    const last = again ? second : first;
    if (status === 0) assert.ok(await role.done(run, last), `status 0, but the work was not done\n${stderr}`);
    else {
      // A receiver that was connected before reconnects without a limit, so it must not end.
      assert.ok([69, 75].includes(status) && (role.isSender || !again), `status ${status}\n${stderr}`);
      assert.match(stderr, /\[(UNAVAILABLE|IN_DOUBT)\]/);
      const isKept = async () => {
        await take(run);
        return run.arrived.has(last) || role.done(run, last);
      };
      if (!role.isSender && !role.sendsAgain) await until('the message is back in its queue', isKept);
    }
    return { proxy, status };
  } finally {
    proxy.close();
    await channel.deleteQueue(name);
    await channel.deleteQueue(`${name}.letters`);
    await channel.deleteExchange(name);
  }
}

/** Returns a fault position before every frame of a run without a fault. */
function boundariesOf({ frames }: FrameProxy): Omit<Fault, 'kind'>[] {
  return frames.flatMap((counts, connection) =>
    (['client', 'broker'] as const).flatMap((from) =>
      Array.from({ length: counts[from] }, (_, frame) => ({ connection, from, frame })),
    ),
  );
}

const cases = Object.entries(table).flatMap(([title, role]) =>
  [false, true].map((again) => ({ title: again ? `${title}, connecting again` : title, role, again })),
);
for (const { title, role, again } of cases) {
  test(`${title}: works again or ends as documented after a fault at any frame`, () =>
    withBroker(async (tested) => {
      const { proxy, status } = await runRole(tested, { again, role });
      assert.is(status, 0);
      const faults = boundariesOf(proxy).flatMap((boundary) => faultKinds.map((kind) => ({ ...boundary, kind })));
      const statuses: Record<string, number> = {};
      const failures: string[] = [];
      let injected = 0;
      const queue = faults.values();
      const runSome = async () => {
        for (const fault of queue) {
          try {
            const ended = await runRole(tested, { again, role, fault });
            statuses[ended.status] = (statuses[ended.status] ?? 0) + 1;
            if (ended.proxy.isInjected) injected += 1;
            if (process.env['MQ_FRAME_FAULTS_SHOW']) console.log(JSON.stringify(fault), ended.status);
          } catch (error) {
            failures.push(`${JSON.stringify(fault)}: ${error instanceof Error ? error.message : error}`);
          }
        }
      };
      await Promise.all(Array.from({ length: parallelRuns }, runSome));
      console.log(`${title}: ${injected} of ${faults.length} faults injected, statuses ${JSON.stringify(statuses)}`);
      assert.equal(failures, []);
    }));
}

test.run();
