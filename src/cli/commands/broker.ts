// mq broker: runs the embedded AMQP 0-9-1 broker until a signal.

import { resolve } from 'node:path';
import manifest from '../../../package.json' with { type: 'json' };
import { isLoopback } from '../../broker/loopback.ts';
import type { Broker, InitialUser } from '../../broker/server.ts';
import type { StoreOptions } from '../../broker/store.ts';
import type { Context } from '../../context.ts';
import { MqError } from '../../errors.ts';
import { aborted } from '../../signal.ts';
import { optionSets } from '../arguments/options.ts';
import type { Values } from '../arguments/values.ts';
import type { Command } from '../command.ts';
import { noteOf } from '../error-text.ts';
import { readPassword } from '../input/password.ts';
import { printReady } from '../ready-line.ts';
import { type TlsChoice, tlsOf } from './broker/tls.ts';

export const brokerCommand: Command = {
  name: 'broker',
  summary: 'run the embedded AMQP 0-9-1 broker',
  usage: '',
  options: optionSets.broker,
  group: 'Broker',
  topic: 'broker',
  examples: [
    'mq broker',
    'mq broker --data ./data',
    'MQ_BROKER_PASSWORD=… mq broker --host 0.0.0.0 --user team',
    'mq broker --users users.json',
  ],
  async run(context, values) {
    values.expectAtMost(0);
    const host = values.name('host') ?? '127.0.0.1';
    const users = await usersOf(context, values);
    if (!isLoopback(host) && users.every(({ name }) => name === 'guest'))
      throw new MqError('USAGE', `refusing to listen on ${host}: guest can only log in from this machine`, {
        at: '--host',
        hint: 'set a user and a password: --user NAME, and MQ_BROKER_PASSWORD or --password-file FILE',
      });
    const choice = await tlsOf(context, values);
    await serve(context, values, { host, users, choice, data: values.name('data') });
  },
};

interface Job {
  readonly host: string;
  readonly users: readonly InitialUser[];
  readonly choice: TlsChoice;
  /** Folder of --data. `undefined` keeps everything in memory. */
  readonly data: string | undefined;
}

/** Runs the broker until the first signal, or until its store fails. */
async function serve(context: Context, values: Values, job: Job): Promise<void> {
  const { host, choice, data } = job;
  const managementPort = values.whole('management-port', { min: 0, max: 65_535 });
  const storeFailure = Promise.withResolvers<never>();
  storeFailure.promise.catch(() => undefined); // it may reject before serve awaits it
  const broker = await start(context, values, { ...job, onStoreFailed: storeFailure.reject });
  try {
    const dataFolder = data === undefined ? undefined : resolve(context.cwd, data);
    const management =
      managementPort === undefined
        ? undefined
        : await startManagement(broker, { host, port: managementPort, tls: choice.tls, pid: context.pid, dataFolder });
    try {
      const { url, tlsUrl } = broker;
      const ready = { url, ...(tlsUrl && { tlsUrl }), management: management?.url ?? null, data: data ?? null };
      const isJson = values.flag('json');
      await printReady(context.stdout, isJson ? JSON.stringify({ event: 'ready', ...ready }) : readyLine(ready));
      // A broker whose store has failed no longer confirms messages. The process ends, so that a supervisor can restart
      // it.
      await Promise.race([aborted(context.drain), storeFailure.promise]);
    } finally {
      await management?.close();
    }
  } finally {
    await broker.close();
  }
}

async function start(
  context: Context,
  values: Values,
  { host, users, choice, data, onStoreFailed }: Job & { onStoreFailed: (error: MqError) => void },
): Promise<Broker> {
  const log = noteOf(context, 'broker');
  const breaksLock = values.flag('break-lock');
  const [{ startBroker }, store] = await Promise.all([
    import('../../broker/server.ts'),
    data === undefined ? undefined : openData(context, { data, log, onFailed: onStoreFailed, breaksLock }),
  ]);
  const broker = await startBroker({
    host,
    port: values.whole('port', { min: 0, max: 65_535 }) ?? 5672,
    users,
    version: manifest.version,
    memoryLimitBytes: values.bytes('memory') ?? (await memoryLimit(context.memoryBytes)),
    hasOnlyTheseUsers: values.given.includes('users'),
    log,
    ...choice,
    ...(store && { store }),
  });
  logFurtherAdministrators(broker, { users, data, log });
  return broker;
}

/** Reports the administrators of the store, because the command line does not name them. */
function logFurtherAdministrators(
  broker: Broker,
  { users, data, log }: Pick<Job, 'users' | 'data'> & { log: (line: string) => void },
): void {
  const named = new Set(users.map(({ name }) => name));
  const others = [...broker.users.all.values()].filter(
    ({ name, tags }) => !named.has(name) && tags.includes('administrator'),
  );
  if (others.length > 0) log(`${data} has further administrators: ${others.map(({ name }) => name).join(', ')}`);
}

async function startManagement(...of: Parameters<typeof import('../../broker/management.ts').startManagement>) {
  const management = await import('../../broker/management.ts');
  return management.startManagement(...of);
}

const mebibyte = 1024 ** 2;
/** Resident memory of the executable without messages. */
const idleBytes = 96 * mebibyte;

/**
 * Returns the default of --memory. Resident memory is up to 1.5 times the counted memory, and up to twice during a
 * start with a backlog. At most half of the counted memory is in V8's heap.
 */
async function memoryLimit(memoryBytes: number): Promise<number> {
  const { getHeapStatistics } = await import('node:v8');
  const ofMemory = 0.4 * (memoryBytes - idleBytes);
  const ofHeap = 0.6 * getHeapStatistics().heap_size_limit;
  return Math.round(Math.max(4 * mebibyte, Math.min(1024 * mebibyte, ofMemory, ofHeap)));
}

interface Ready {
  readonly url: string;
  readonly tlsUrl?: string;
  readonly management: string | null;
  readonly data: string | null;
}

function readyLine({ url, tlsUrl, management, data }: Ready): string {
  const page = management === null ? '' : `, management ${management}`;
  const kept = data === null ? 'in memory only; --data DIR keeps durable queues and messages' : `durable in ${data}`;
  return `ready: ${url}${tlsUrl === undefined ? '' : `, ${tlsUrl}`}${page} (${kept})`;
}

/** Returns the users of --users, otherwise one administrator. The defaults are the user guest and the password guest. */
async function usersOf(context: Context, values: Values): Promise<readonly InitialUser[]> {
  const file = values.name('users');
  if (file !== undefined) {
    const other = ['user', 'password-file'].find((option) => values.given.includes(option));
    if (other !== undefined) throw values.usage(`--users and --${other} exclude each other`);
    return (await import('./broker/users-file.ts')).usersOfFile(context, file);
  }
  const name = values.name('user') ?? 'guest';
  const password = await readPassword(context, values, 'MQ_BROKER_PASSWORD');
  if (password === undefined && name !== 'guest')
    throw new MqError('USAGE', `the user '${name}' has no password`, {
      at: '--user',
      hint: 'set MQ_BROKER_PASSWORD, or use --password-file FILE',
    });
  return [{ name, password: password ?? 'guest', tags: ['administrator'] }];
}

async function openData(
  { pid, isAlive, cwd }: Context,
  { data, ...options }: { data: string } & Pick<StoreOptions, 'log' | 'onFailed' | 'breaksLock'>,
) {
  const { openStore } = await import('../../broker/store.ts');
  return openStore(resolve(cwd, data), { pid, isAlive, ...options });
}
