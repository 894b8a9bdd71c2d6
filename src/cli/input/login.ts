// Reads the login of a command from its options and the environment. It applies to all addresses of the command.

import { resolve } from 'node:path';
import type { Context } from '../../context.ts';
import { MqError } from '../../errors.ts';
import type { ClientCredentials, Login, TlsFiles, TokenSource } from '../../login/login.ts';
import { commandName, earlyValue, hasFlag } from '../arguments/program.ts';
import { filled, secretOf } from './password.ts';

type World = Pick<Context, 'args' | 'env' | 'cwd' | 'stdin'> & Partial<Pick<Context, 'drain' | 'login'>>;

/** Option and variable of each TLS file. */
const tlsInputs: readonly (readonly [keyof TlsFiles, string, string])[] = [
  ['ca', 'ca', 'MQ_CA'],
  ['cert', 'cert', 'MQ_CERT'],
  ['key', 'key', 'MQ_KEY'],
  ['keyPassword', 'key-password-file', 'MQ_KEY_PASSWORD_FILE'],
];

/**
 * Returns the login of the options, otherwise of the environment. What neither sets is taken from the named
 * connection.
 * @throws MqError USAGE for an invalid option or variable, NO_INPUT if a file cannot be read
 */
export async function loginOf(world: World): Promise<Login> {
  const { login: base = {} } = world;
  const tls = { ...base.tls, ...tlsFilesOf(world) };
  const token = (await tokenSourceOf(world, tls.ca)) ?? base.token;
  return {
    ...base,
    ...(Object.keys(tls).length > 0 && { tls }),
    ...(isInsecure(world) && { isInsecure: true }),
    ...(token && { token }),
  };
}

/** Returns the option or variable that turns off the verification of certificates, or `undefined`. */
export function isInsecure(world: Pick<World, 'args' | 'env'>): '--insecure' | 'MQ_INSECURE' | undefined {
  if (hasFlag(world.args, '--insecure')) return '--insecure';
  const variable = world.env['MQ_INSECURE'];
  if (variable === undefined || ['', '0', 'false'].includes(variable)) return undefined;
  if (['1', 'true'].includes(variable)) return 'MQ_INSECURE';
  throw new MqError('USAGE', `MQ_INSECURE must be 1 or 0, not '${variable}'`, { at: 'MQ_INSECURE' });
}

function tlsFilesOf({ args, env }: World): TlsFiles {
  const given = tlsInputs.flatMap(([file, option, variable]) => {
    const typed = option === 'key' && bindsWithKeys(args) ? undefined : earlyValue(args, option);
    if (typed === '') throw new MqError('USAGE', `--${option} is empty`, { at: `--${option}` });
    const name = typed ?? filled(env, variable);
    return name === undefined ? [] : [[file, name] as const];
  });
  return Object.fromEntries(given);
}

/** Reports whether `--key` is the key of a binding. MQ_KEY is the key of the client certificate then. */
function bindsWithKeys(args: readonly string[]): boolean {
  return commandName(args) === 'subscribe' && earlyValue(args, 'exchange') !== undefined;
}

/** Returns the source of tokens. The option has precedence, and two variables exclude each other. */
async function tokenSourceOf(world: World, ca: string | undefined): Promise<TokenSource | undefined> {
  const { args, env, cwd } = world;
  const commandOf = (from: string, command: string | undefined): TokenSource | undefined => {
    if (command === undefined) return undefined;
    if (command.trim() === '') throw new MqError('USAGE', `${from} is empty`, { at: from });
    return { kind: 'command', from, command, folder: cwd };
  };
  const typed = commandOf('--token-command', earlyValue(args, 'token-command'));
  if (typed) return typed;
  const sources = [
    fixedToken(filled(env, 'MQ_TOKEN')),
    fileToken(filled(env, 'MQ_TOKEN_FILE'), cwd),
    commandOf('MQ_TOKEN_COMMAND', env['MQ_TOKEN_COMMAND']),
    await clientCredentials(world, ca),
  ].filter((source) => source !== undefined);
  const [source, other] = sources;
  if (other !== undefined)
    throw new MqError('USAGE', `${source?.from} and ${other.from} are both set`, { hint: 'unset one of them' });
  return source;
}

function fixedToken(token: string | undefined): TokenSource | undefined {
  return token === undefined ? undefined : { kind: 'token', from: 'MQ_TOKEN', token };
}

function fileToken(file: string | undefined, cwd: string): TokenSource | undefined {
  return file === undefined ? undefined : { kind: 'file', from: 'MQ_TOKEN_FILE', file: resolve(cwd, file) };
}

async function clientCredentials(world: World, ca: string | undefined): Promise<ClientCredentials | undefined> {
  const { env } = world;
  const url = env['MQ_OAUTH_TOKEN_URL'];
  if (url === undefined) return undefined;
  const clientId = env['MQ_OAUTH_CLIENT_ID'];
  const secret = await secretOf({ ...world, env }, 'MQ_OAUTH_CLIENT_SECRET');
  const missing = [
    ...(clientId ? [] : ['MQ_OAUTH_CLIENT_ID']),
    ...(secret?.text ? [] : ['MQ_OAUTH_CLIENT_SECRET or MQ_OAUTH_CLIENT_SECRET_FILE']),
  ];
  if (!clientId || !secret || missing.length > 0)
    throw new MqError('USAGE', `MQ_OAUTH_TOKEN_URL requires ${missing.join(' and ')}`, { at: 'MQ_OAUTH_TOKEN_URL' });
  const [scope, audience] = [env['MQ_OAUTH_SCOPE'], env['MQ_OAUTH_AUDIENCE']];
  return {
    kind: 'client',
    from: 'MQ_OAUTH_TOKEN_URL',
    url,
    clientId,
    clientSecret: secret.text,
    ...(scope && { scope }),
    ...(audience && { audience }),
    ...(ca !== undefined && { ca }),
  };
}
