// mq mcp: serves tools for agents and editors over standard input and output.

import { resolve } from 'node:path';
import manifest from '../../../package.json' with { type: 'json' };
import type { CheckedConfig } from '../../config/config.ts';
import type { Context } from '../../context.ts';
import { optionSets } from '../arguments/options.ts';
import type { Values } from '../arguments/values.ts';
import type { Command } from '../command.ts';
import { noteOf } from '../error-text.ts';
import { addressesOf } from '../input/addresses.ts';
import { loginOf } from '../input/login.ts';
import { secretOf } from '../input/password.ts';

const defaultBody = 2048;
const defaultTimeoutMs = 60_000;

export function mcpCommand(configsOf: (context: Context) => Promise<CheckedConfig>): Command {
  return {
    name: 'mcp',
    summary: 'offer tools to agents and editors over stdin and stdout',
    usage: '',
    options: optionSets.mcp,
    group: 'Operation',
    topic: 'mcp',
    examples: [
      'mq mcp',
      'mq mcp --connection staging --redact password --redact email',
      'mq mcp --url amqp://localhost --allow-changes',
    ],
    async run(context, values) {
      values.expectAtMost(0);
      const mostBody = values.bytes('max-body') ?? defaultBody;
      const timeoutMs = values.duration('timeout') ?? defaultTimeoutMs;
      const redact = values.list('redact');
      if (redact.includes('')) throw values.usage('--redact is empty');
      refuseStdin(context, values);
      const env = await environmentOf(context, values);
      const { serve } = await import('../../mcp/server.ts');
      await serve(context, {
        ...{ version: manifest.version, redact, mostBody, timeoutMs, env },
        allowsChanges: values.flag('allow-changes') ?? false,
        envWithoutBroker: withoutBroker(env),
        management: values.flag('trust-management') ? ['--trust-management'] : [],
        openRedactor: () => openRedactor({ ...context, env }, values, configsOf),
        say: noteOf(context, 'mcp'),
      });
    },
  };
}

/** Throws USAGE for a file that is standard input, because that is the connection to the client. */
function refuseStdin({ env }: Context, values: Values): void {
  const options = ['config', 'url-file', 'ca', 'cert', 'key', 'key-password-file'];
  const option = options.find((name) => values.text(name) === '-');
  const variable = Object.keys(env).find((name) => /^MQ_(.*_FILE|CONFIG)$/.test(name) && env[name] === '-');
  const name = option === undefined ? variable : `--${option}`;
  if (name !== undefined) throw values.usage(`${name} cannot be standard input, which is used by the client`);
}

/**
 * Returns the environment of the commands. Options become variables, because other users can read the arguments of a
 * process.
 */
async function environmentOf(context: Context, values: Values): Promise<Context['env']> {
  const { cwd } = context;
  const { withLogin } = await import('../../login/environment.ts');
  const { MQ_CONNECTION: _, ...env } = withLogin(context.env, await loginOf(context), cwd);
  const [url, file, config] = [values.text('url'), values.name('url-file'), values.name('config')];
  const { MQ_URL, MQ_URL_FILE, ...others } = env;
  const isNamed = url !== undefined || file !== undefined;
  const address = {
    ...(!isNamed && { MQ_URL, MQ_URL_FILE }),
    ...(url !== undefined && { MQ_URL: url }),
    ...(file !== undefined && { MQ_URL_FILE: resolve(cwd, file) }),
  };
  const api = values.name('management-url');
  return {
    ...others,
    ...address,
    ...(api !== undefined && { MQ_MANAGEMENT_URL: api }),
    ...(config !== undefined && { MQ_CONFIG: resolve(cwd, config) }),
  };
}

/** Variables that lead to the broker, or log in to it. */
const ofBroker =
  /^MQ_(URL|URL_FILE|MANAGEMENT_URL|PASSWORD|PASSWORD_FILE|TOKEN|TOKEN_FILE|TOKEN_COMMAND|OAUTH_.*|CERT|KEY|KEY_PASSWORD_FILE)$/;

function withoutBroker(env: Context['env']): Context['env'] {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !ofBroker.test(name)));
}

/** Returns a function that removes the passwords, tokens and keys of rascal.json, the options and the environment. */
async function openRedactor(
  context: Context,
  values: Values,
  configsOf: (context: Context) => Promise<CheckedConfig>,
): Promise<(text: string) => string> {
  const { redactor, secretsOf } = await import('../../config/redact.ts');
  const [config, addresses, ...secrets] = await Promise.all([
    // The command reports the problems of a file.
    configsOf(context).then(
      (configs) => configs.config,
      () => undefined,
    ),
    addressesOf(context, values).catch(() => undefined),
    ...['MQ_PASSWORD', 'MQ_TOKEN'].map((name) => secretOf(context, name).catch(() => undefined)),
  ]);
  const variables = Object.entries(context.env).flatMap(([name, value]) =>
    value !== undefined && /^MQ_.*(PASSWORD|TOKEN|SECRET)$/.test(name) ? [value] : [],
  );
  const ofApi = passwordsIn(context.env['MQ_MANAGEMENT_URL']);
  return redactor([
    ...secretsOf({ config, addresses }),
    ...secrets.flatMap((secret) => secret?.text ?? []),
    ...[...variables, ...ofApi].filter((secret) => secret !== '' && secret !== 'guest'),
  ]);
}

function passwordsIn(urls = ''): string[] {
  return urls.split(',').flatMap((text) => {
    const url = URL.parse(text.trim());
    return url === null ? [] : [url.password, decodeURIComponent(url.password)];
  });
}
