// The Docker engine, through testcontainers, and what its errors mean.

import { access, constants } from 'node:fs/promises';
import { isIP } from 'node:net';
import type { ContainerRuntimeClient } from 'testcontainers';
import { MqError } from '../errors.ts';
import { isFree } from './ports.ts';
import { testcontainers } from './testcontainers.ts';

/** The engine, the machine on which it opens ports, as this one reaches it (`127.0.0.1` when it is this one), and where it listens. */
export type Docker = ContainerRuntimeClient & { readonly machine: string; readonly address: EngineAddress };

export interface EngineAddress {
  readonly socketPath?: string;
  readonly host?: string;
  readonly port?: string | number;
}

/** The engine that testcontainers finds (DOCKER_HOST, else the usual sockets). Throws UNAVAILABLE when none answers, NOT_PERMITTED when its socket is another's. */
export async function connectDocker(): Promise<Docker> {
  const { getContainerRuntimeClient } = await testcontainers();
  try {
    const client = await getContainerRuntimeClient();
    // dockerode has no word for it; its transport has.
    const address = client.container.dockerode.modem as EngineAddress;
    return Object.assign(client, { address, machine: await machineOf(client.info.containerRuntime.host) });
  } catch (cause) {
    // testcontainers only says that it has found none.
    if (await isClosedToUs(usualSocket)) {
      throw new MqError(
        'NOT_PERMITTED',
        `the Docker engine of this machine is not open to this user (${usualSocket})`,
        {
          hint: 'join the group docker, or point DOCKER_HOST at an engine of yours',
          cause,
        },
      );
    }
    throw new MqError('UNAVAILABLE', `no Docker engine answers: ${said(cause)}`, {
      hint: 'start Docker, or point DOCKER_HOST at an engine',
      cause,
    });
  }
}

const usualSocket = '/var/run/docker.sock';

function isClosedToUs(socket: string): Promise<boolean> {
  return access(socket, constants.W_OK).then(
    () => false,
    (error: NodeJS.ErrnoException) => error.code === 'EACCES',
  );
}

/**
 * `host`, or `127.0.0.1` when that is this machine. Where there is a file /.dockerenv, testcontainers names the gateway of Docker's bridge.
 * Who can listen at an address owns it: os.networkInterfaces() leaves the bridge out while no container is up.
 */
export async function machineOf(host: string): Promise<string> {
  const isHere = host === 'localhost' || (isIP(host) !== 0 && (await isFree(0, host)));
  return isHere ? '127.0.0.1' : host;
}

/** Runs one request to Docker. What fails is an MqError that names `what`; the answers in `except` (HTTP status codes) are not failures. */
export async function ask<Answer>(
  what: string,
  request: () => Promise<Answer>,
  { except = [] }: { except?: readonly number[] } = {},
): Promise<Answer | undefined> {
  try {
    return await request();
  } catch (error) {
    const status = statusOf(error);
    if (status !== undefined && except.includes(status)) return undefined;
    throw dockerError(what, error);
  }
}

/** What Docker or testcontainers threw, as an MqError: UNAVAILABLE when the engine does not answer, else SYSTEM. */
export function dockerError(what: string, cause: unknown): MqError {
  if (cause instanceof MqError) return cause;
  // Whatever the engine answers has a status; what has none is a socket's error.
  const code = statusOf(cause) === undefined && isSocketError(cause) ? 'UNAVAILABLE' : 'SYSTEM';
  return new MqError(code, `${what}: ${said(cause)}`, { cause });
}

function statusOf(error: unknown): number | undefined {
  const status = (error as { statusCode?: unknown } | null)?.statusCode;
  return typeof status === 'number' ? status : undefined;
}

function isSocketError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}

function said(error: unknown): string {
  const fromDocker = (error as { json?: { message?: unknown } } | null)?.json?.message;
  if (typeof fromDocker === 'string') return fromDocker;
  return error instanceof Error ? error.message : String(error);
}
