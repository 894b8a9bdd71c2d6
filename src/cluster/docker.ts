// Connects to the Docker engine through testcontainers, and converts its errors.

import { access, constants } from 'node:fs/promises';
import { isIP } from 'node:net';
import type { ContainerRuntimeClient } from 'testcontainers';
import { MqError } from '../errors.ts';
import { isFree } from './docker/ports.ts';
import { testcontainers } from './docker/testcontainers.ts';

/**
 * The Docker engine. `machine` is the address at which this machine reaches published ports (`127.0.0.1` for a local
 * engine). `address` is the address on which the engine listens.
 */
export type Docker = ContainerRuntimeClient & { readonly machine: string; readonly address: EngineAddress };

export interface EngineAddress {
  readonly socketPath?: string;
  readonly host?: string;
  readonly port?: string | number;
}

/**
 * Returns the engine that testcontainers finds (DOCKER_HOST, otherwise the usual sockets). Throws UNAVAILABLE if none
 * answers, and NOT_PERMITTED if the user may not use its socket.
 */
export async function connectDocker(): Promise<Docker> {
  const { getContainerRuntimeClient } = await testcontainers();
  try {
    const client = await getContainerRuntimeClient();
    // dockerode itself does not expose the address, but its transport object does.
    const address = client.container.dockerode.modem as EngineAddress;
    return Object.assign(client, { address, machine: await machineOf(client.info.containerRuntime.host) });
  } catch (cause) {
    // testcontainers only reports that it found no engine.
    if (await isForbidden(usualSocket)) {
      throw new MqError('NOT_PERMITTED', `this user may not use the Docker engine of this machine (${usualSocket})`, {
        hint: 'join the group docker, or set DOCKER_HOST to another engine',
        cause,
      });
    }
    throw new MqError('UNAVAILABLE', `no Docker engine answers: ${messageOf(cause)}`, {
      hint: 'start Docker, or set DOCKER_HOST to an engine',
      cause,
    });
  }
}

const usualSocket = '/var/run/docker.sock';

function isForbidden(socket: string): Promise<boolean> {
  return access(socket, constants.W_OK).then(
    () => false,
    (error: NodeJS.ErrnoException) => error.code === 'EACCES',
  );
}

/**
 * Returns `host`, or `127.0.0.1` if that is this machine. If the file /.dockerenv exists, testcontainers returns the
 * gateway of Docker's bridge. An address belongs to this machine if this process can listen on it.
 * os.networkInterfaces() is not used, because it omits the bridge while no container is running.
 */
export async function machineOf(host: string): Promise<string> {
  const isHere = host === 'localhost' || (isIP(host) !== 0 && (await isFree(0, host)));
  return isHere ? '127.0.0.1' : host;
}

/**
 * Runs a request to Docker. If the request fails, throws an MqError whose message begins with `what`. Returns
 * `undefined` for the HTTP statuses in `except`.
 */
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

/** Converts an error of Docker to an MqError: UNAVAILABLE if the engine does not answer, otherwise SYSTEM. */
export function dockerError(what: string, cause: unknown): MqError {
  if (cause instanceof MqError) return cause;
  // An answer of the engine has a status; an error without one comes from the socket.
  const code = statusOf(cause) === undefined && isSocketError(cause) ? 'UNAVAILABLE' : 'SYSTEM';
  return new MqError(code, `${what}: ${messageOf(cause)}`, { cause });
}

function statusOf(error: unknown): number | undefined {
  const status = fieldOf(error, 'statusCode');
  return typeof status === 'number' ? status : undefined;
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

function isSocketError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}

function messageOf(error: unknown): string {
  const fromDocker = fieldOf(fieldOf(error, 'json'), 'message');
  if (typeof fromDocker === 'string') return fromDocker;
  return error instanceof Error ? error.message : String(error);
}
