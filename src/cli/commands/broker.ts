// mq broker: runs the embedded AMQP 0-9-1 broker until a signal.

import { resolve } from 'node:path';
import { getHeapStatistics } from 'node:v8';
import manifest from '../../../package.json' with { type: 'json' };
import { isLoopback } from '../../broker/loopback.ts';
import type { StoreOptions } from '../../broker/store.ts';
import type { Context } from '../../context.ts';
import { MqError } from '../../errors.ts';
import { aborted } from '../../signal.ts';
import { isClosedPipe, Printer } from '../../terminal/printer.ts';
import { optionSets } from '../arguments/options.ts';
import type { Values } from '../arguments/values.ts';
import type { Command } from '../command.ts';
import { noteOf } from '../error-text.ts';
import { readText } from '../input/files.ts';
import { readPassword } from '../input/password.ts';

export const brokerCommand: Command = {
  name: 'broker',
  summary: 'run the embedded AMQP 0-9-1 broker',
  usage: '',
  options: optionSets.broker,
  group: 'Broker',
  topic: 'broker',
  examples: ['mq broker', 'mq broker --data ./data', 'MQ_BROKER_PASSWORD=… mq broker --host 0.0.0.0 --user team'],
  async run(context, values) {
    values.expectAtMost(0);
    const host = values.name('host') ?? '127.0.0.1';
    const login = await loginOf(context, values);
    if (!isLoopback(host) && login.name === 'guest')
      throw new MqError('USAGE', `refusing to listen on ${host}: guest can only log in from this machine`, {
        at: '--host',
        hint: 'give a user and a password: --user NAME and MQ_BROKER_PASSWORD, or --password-file FILE',
      });
    const tls = await tlsOf(context, values);
    const data = values.name('data');
    const managementPort = values.whole('management-port', { min: 0, max: 65_535 });
    const log = noteOf(context, 'broker');

    const failed = Promise.withResolvers<never>();
    failed.promise.catch(() => undefined); // it may reject before it is awaited
    const [{ startBroker }, store] = await Promise.all([
      import('../../broker/server.ts'),
      data === undefined
        ? undefined
        : openData(context, { data, log, onFailed: failed.reject, breaksLock: values.flag('break-lock') }),
    ]);
    const broker = await startBroker({
      host,
      port: values.whole('port', { min: 0, max: 65_535 }) ?? 5672,
      users: [{ ...login, tags: ['administrator'] }],
      version: manifest.version,
      memoryLimitBytes: values.bytes('memory') ?? memoryLimit(context.memoryBytes),
      log,
      ...(tls && { tls }),
      ...(store && { store }),
    });
    const others = [...broker.users.all.values()].filter(
      ({ name, tags }) => name !== login.name && tags.includes('administrator'),
    );
    if (others.length > 0) log(`${data} has further administrators: ${others.map(({ name }) => name).join(', ')}`);
    try {
      const management =
        managementPort === undefined
          ? undefined
          : await (await import('../../broker/management.ts')).startManagement(broker, {
              host,
              port: managementPort,
              tls,
              pid: context.pid,
              dataFolder: data === undefined ? undefined : resolve(context.cwd, data),
            });
      try {
        const ready = { url: broker.url, management: management?.url ?? null, data: data ?? null };
        const line = values.flag('json') ? JSON.stringify({ event: 'ready', ...ready }) : readyLine(ready);
        // A process that waits for this line must receive it or an error. A closed pipe means that the line was read.
        await new Printer(context.stdout).body(Buffer.from(line)).catch((error: unknown) => {
          if (!isClosedPipe(error)) throw error;
        });
        // A broker whose store has failed confirms nothing any more, so the process ends and its supervisor notices.
        await Promise.race([aborted(context.drain), failed.promise]);
      } finally {
        await management?.close();
      }
    } finally {
      await broker.close();
    }
  },
};

const mebibyte = 1024 ** 2;
/** Resident memory of the executable without messages. */
const idleBytes = 96 * mebibyte;

/**
 * Returns the default of --memory. Resident memory is up to 1.5 times the counted memory, and up to twice during a
 * start with a backlog. At most half of the counted memory is in V8's heap.
 */
function memoryLimit(memoryBytes: number): number {
  const ofMemory = 0.4 * (memoryBytes - idleBytes);
  const ofHeap = 0.6 * getHeapStatistics().heap_size_limit;
  return Math.round(Math.max(4 * mebibyte, Math.min(1024 * mebibyte, ofMemory, ofHeap)));
}

interface Ready {
  readonly url: string;
  readonly management: string | null;
  readonly data: string | null;
}

function readyLine({ url, management, data }: Ready): string {
  const page = management === null ? '' : `, management ${management}`;
  const kept = data === null ? 'in memory only: --data DIR keeps what is durable' : `durable in ${data}`;
  return `ready: ${url}${page} (${kept})`;
}

/** Returns the only user: --user or guest, with the password of --password-file, MQ_BROKER_PASSWORD, or guest. */
async function loginOf(context: Context, values: Values): Promise<{ name: string; password: string }> {
  const name = values.name('user') ?? 'guest';
  const password = await readPassword(context, values, 'MQ_BROKER_PASSWORD');
  if (password === undefined && name !== 'guest')
    throw new MqError('USAGE', `the user '${name}' has no password`, {
      at: '--user',
      hint: 'set MQ_BROKER_PASSWORD, or --password-file FILE',
    });
  return { name, password: password ?? 'guest' };
}

async function tlsOf(context: Context, values: Values): Promise<{ cert: Buffer; key: Buffer } | undefined> {
  const [cert, key] = [values.name('tls-cert'), values.name('tls-key')];
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined) throw values.usage('--tls-cert and --tls-key go together');
  const read = async (file: string) => Buffer.from(await readText(context, file));
  const tls = { cert: await read(cert), key: await read(key) };
  const { createSecureContext } = await import('node:tls');
  try {
    createSecureContext(tls);
  } catch (error) {
    throw new MqError('BAD_DATA', `cannot use ${cert} and ${key} for TLS: ${(error as Error).message}`, {
      hint: 'both must be PEM, and the key that of the certificate',
      cause: error,
    });
  }
  return tls;
}

async function openData(
  { pid, isAlive, cwd }: Context,
  { data, ...options }: { data: string } & Pick<StoreOptions, 'log' | 'onFailed' | 'breaksLock'>,
) {
  const { openStore } = await import('../../broker/store.ts');
  return openStore(resolve(cwd, data), { pid, isAlive, ...options });
}
