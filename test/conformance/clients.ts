// The client programs, and the file that each of them requires. test/setup installs them.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { node as nodePath } from '../support/node.ts';

export interface Client {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** A file that exists if the client is installed. */
  readonly needs: string;
}

/** Job name → answer, in the order of the jobs. */
export type Answers = ReadonlyMap<string, unknown>;

const folder = import.meta.dirname;
const jars = ['amqp-client', 'slf4j-api', 'slf4j-nop'].map((name) => `/usr/share/java/${name}.jar`);
const packages = '/usr/lib/python3/dist-packages';
// The options disable optimisation, because the program runs only once.
const java = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Dfile.encoding=UTF-8', '-cp', jars.join(':')];

export const clients: readonly Client[] = [
  node('amqplib', 'amqplib'),
  node('rascal', 'rascal'),
  node('rabbitmq-client', 'rabbitmq-client'),
  node('amqp-client', '@cloudamqp/amqp-client'),
  node('management', 'amqplib'),
  python('pika'),
  python('kombu'),
  python('celery'),
  { name: 'amqp-tools', command: 'bash', args: [file('amqp-tools.sh')], needs: '/usr/bin/amqp-consume' },
  { name: 'rabbitmqadmin', command: 'bash', args: [file('rabbitmqadmin.sh')], needs: '/usr/bin/docker' },
  {
    name: 'php-amqplib',
    command: 'php',
    args: [file('php-amqplib.php')],
    needs: '/usr/share/php/PhpAmqpLib/autoload.php',
  },
  {
    name: 'java',
    command: 'java',
    args: [...java, file('Conformance.java')],
    needs: '/usr/share/java/amqp-client.jar',
  },
];

export function isInstalled({ needs }: Client): boolean {
  return existsSync(needs);
}

/** A program that runs longer is ended. The limit of a single job (program.ts) is shorter. */
const deadlineMs = 600_000;

/** The URLs of a broker. */
export interface Address {
  /** AMQP URL with user and password, without a path. */
  readonly url: string;
  /** URL of the management API. */
  readonly managementUrl: string;
}

/** Runs a client program against a broker. Throws if the program fails or answers a job twice. */
export async function answersOf(client: Client, { url, managementUrl }: Address, prefix: string): Promise<Answers> {
  const child = spawn(client.command, [...client.args, url, prefix], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: deadlineMs,
    env: { ...process.env, PYTHONUNBUFFERED: '1', PYTHONWARNINGS: 'ignore', MQ_CONFORMANCE_MANAGEMENT: managementUrl },
  });
  const answers = new Map<string, unknown>();
  for (const line of (await outputOf(child, client.name)).trim().split('\n')) {
    const { job, answer } = JSON.parse(line) as { job: string; answer: unknown };
    if (answers.has(job)) throw new Error(`${client.name} has two jobs "${job}"`);
    answers.set(job.replaceAll(prefix, '<run>'), answer);
  }
  return answers;
}

function outputOf(child: ChildProcess, name: string): Promise<string> {
  const text = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream]?.setEncoding('utf8').on('data', (chunk: string) => {
      text[stream] += chunk;
    });
  }
  return new Promise((done, failed) => {
    child.on('error', failed);
    child.on('close', (status, signal) => {
      if (status === 0) done(text.stdout);
      else failed(new Error(`${name} ended with ${status ?? signal}: ${text.stderr || text.stdout.slice(-500)}`));
    });
  });
}

function node(name: string, needed: string): Client {
  const needs = resolve(folder, '../../node_modules', needed, 'package.json');
  return { name, command: nodePath, args: [file(`${name}.ts`)], needs };
}

function python(name: string): Client {
  return { name, command: '/usr/bin/python3', args: ['-B', file(`${name}.py`)], needs: `${packages}/${name}` };
}

function file(name: string): string {
  return resolve(folder, name);
}
