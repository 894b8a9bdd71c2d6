// Runs roles of mq in a vhost of the test, and reads its queues through the management API.

import { Readable } from 'node:stream';
import { type Account, newAccount } from './account.ts';
import type { CliRun } from './cli.ts';
import { type MqOptions, type MqResult, type RunningMq, startMq } from './mq.ts';
import { until } from './until.ts';
import { type TestVhost, testVhost } from './vhost.ts';

/** A message as the management API returns it. */
export interface HeldMessage {
  readonly payload: string;
  readonly exchange: string;
  readonly routing_key: string;
  readonly redelivered: boolean;
  readonly properties: { readonly headers?: Readonly<Record<string, unknown>>; readonly [name: string]: unknown };
}

/** Settings of `supervise`. */
export interface Supervision {
  readonly cwd: string;
  /** Name of the dead-letter queue. */
  readonly dead: string;
  /** Maximum number of restarts. */
  readonly most: number;
  readonly isOver?: () => boolean;
}

export interface Roles {
  readonly vhost: TestVhost;
  /** Runs mq to its end in the vhost. */
  run(args: readonly string[], options?: MqOptions): Promise<MqResult>;
  /**
   * Runs a command line to its end in the vhost, in the process of the test. Use it for a file with many commands that start no
   * handler, because the start of a process costs ten times as much.
   */
  runHere(args: readonly string[], options?: Pick<MqOptions, 'cwd' | 'env' | 'input'>): Promise<CliRun>;
  /** Starts mq with its standard input open. */
  start(args: readonly string[], options?: MqOptions): RunningMq;
  /** Starts a receiving role, and waits until it has a consumer. */
  receiver(args: readonly string[], options?: MqOptions): Promise<RunningMq>;
  /** Sends the same signal twice to a role that handles a message. */
  signalTwice(running: RunningMq, signal?: NodeJS.Signals): Promise<void>;
  /** Waits for `count` messages in a queue, and removes them. */
  take(queue: string, count: number): Promise<HeldMessage[]>;
  /** Returns the ready messages of a queue without removing them. */
  peek(queue: string): Promise<HeldMessage[]>;
  /** Returns the number of ready messages of a queue. */
  held(queue: string): Promise<number>;
  deleteQueue(queue: string): Promise<void>;
  /**
   * Restarts a role that a message kills, until the message is in the queue `dead` and `isOver` returns true. Then stops the
   * role. Throws if the role ends more than `most` times.
   */
  supervise(args: readonly string[], place: Supervision): Promise<{ letter: HeldMessage; deaths: number; log: string }>;
  /** Creates a user for this test. `end` removes the user. */
  account(): Promise<Account>;
  /** Kills processes that the test left running, and throws if there were any (for test.after.each). */
  killLeft(): Promise<void>;
  /** Removes the vhost and the users (for test.after). */
  end(): Promise<void>;
}

export async function testRoles(): Promise<Roles> {
  const vhost = await testVhost();
  const left = new Map<string, RunningMq>();
  const accounts: Account[] = [];
  const place = (queue: string) => `/api/queues/${vhost.name}/${encodeURIComponent(queue)}`;
  const start: Roles['start'] = (args, options = {}) => {
    const running = startMq(args, { ...options, env: { MQ_URL: vhost.url, ...options.env } });
    const label = `mq ${args.join(' ')} (${running.pid})`;
    left.set(label, running);
    const gone = () => left.delete(label);
    running.ended.then(gone, gone);
    return running;
  };
  const get = async (queue: string, count: number, ackmode: string) =>
    (await vhost.api('POST', `${place(queue)}/get`, { count, ackmode, encoding: 'auto' })) as HeldMessage[];
  const take: Roles['take'] = async (queue, count) => {
    const taken: HeldMessage[] = [];
    await until(`${count} messages in ${queue}`, async () => {
      taken.push(...(await get(queue, count - taken.length, 'ack_requeue_false')));
      return taken.length === count;
    });
    return taken;
  };
  return {
    vhost,
    start,
    take,
    supervise: async (args, { cwd, dead, most, isOver = () => true }) => {
      const taken = take(dead, 1).then(async ([letter]) => {
        await until('the other messages are handled', isOver);
        return letter as HeldMessage;
      });
      taken.catch(() => undefined); // awaited below
      let log = '';
      for (let deaths = 0; deaths <= most; deaths += 1) {
        const worker = start(args, { cwd });
        const end = await Promise.race([worker.ended, taken]);
        if ('payload' in end) {
          const { status, stderr } = await worker.stop();
          if (status !== 0) throw new Error(`the role ended with ${status}: ${stderr}`);
          return { letter: end, deaths, log };
        }
        log += end.stderr;
        if (end.signal !== 'SIGKILL') throw new Error(`the role ended with ${end.status}: ${end.stderr}`);
      }
      throw new Error(`the role was killed more than ${most} times`);
    },
    run: (args, options = {}) => {
      const running = start(args, options);
      if (options.input === undefined) running.stdin.end();
      return running.ended;
    },
    runHere: async (args, { cwd, env, input } = {}) => {
      // It loads all of mq, which the other files do not need.
      const { runCli } = await import('./cli.ts');
      return runCli(args, {
        env: { MQ_URL: vhost.url, ...env },
        ...(cwd !== undefined && { cwd }),
        ...(input !== undefined && { input: Readable.from([Buffer.from(input)]) }),
      });
    },
    receiver: async (args, options) => {
      const running = start(args, options);
      if (options?.input === undefined) running.stdin.end();
      await running.prints(/waiting for messages from/, 'stderr');
      return running;
    },
    // Two signals at once would count as one, so the second one waits until the role reports the first one.
    signalTwice: async (running, signal = 'SIGTERM') => {
      running.kill(signal);
      await running.prints(/^stopping: /m, 'stderr');
      running.kill(signal);
    },
    peek: (queue) => get(queue, 10_000, 'ack_requeue_true'),
    held: async (queue) => (await get(queue, 10_000, 'ack_requeue_true')).length,
    deleteQueue: async (queue) => {
      await vhost.api('DELETE', place(queue));
    },
    account: async () => {
      const account = await newAccount(vhost);
      accounts.push(account);
      return account;
    },
    killLeft: async () => {
      const labels = [...left.keys()];
      for (const running of left.values()) running.kill('SIGKILL');
      await Promise.allSettled([...left.values()].map(({ ended }) => ended));
      if (labels.length > 0) throw new Error(`still running at the end: ${labels.join('; ')}`);
    },
    end: async () => {
      for (const account of accounts) await account.remove();
      await vhost.remove();
    },
  };
}

/** Returns the lines of a text, without the last newline. */
export function lines(text: string): string[] {
  return text === '' ? [] : text.replace(/\n$/, '').split('\n');
}

/** Returns the lines of a log without the part at the end that identifies the message. */
export function messagesOf(log: string): string[] {
  return lines(log).map((line) => line.replace(/ \((?:message [^)]*, )?queue [^)]*\)$/, ''));
}
