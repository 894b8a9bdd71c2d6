// Converts a login to the variables of the environment that describe it, for roles that another process starts.

import { resolve } from 'node:path';
import type { Login, TokenSource } from './login.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Variables that describe a login. cli/input/login.ts reads them. */
const names = /^MQ_(CA|CERT|KEY|KEY_PASSWORD_FILE|INSECURE|TOKEN(_FILE|_COMMAND)?|OAUTH_.*)$/;

/** Returns the environment with the variables of this login only. File names become absolute. */
export function withLogin(env: Environment, { tls = {}, isInsecure, token }: Login, cwd: string): Environment {
  const file = (name: string | undefined) => (name === undefined ? undefined : resolve(cwd, name));
  const variables: Environment = {
    MQ_CA: file(tls.ca),
    MQ_CERT: file(tls.cert),
    MQ_KEY: file(tls.key),
    MQ_KEY_PASSWORD_FILE: file(tls.keyPassword),
    MQ_INSECURE: isInsecure ? '1' : undefined,
    ...(token && variablesOf(token)),
  };
  const others = Object.entries(env).filter(([name]) => !names.test(name));
  const own = Object.entries(variables).filter(([, value]) => value !== undefined);
  return Object.fromEntries([...others, ...own]);
}

function variablesOf(token: TokenSource): Environment {
  if (token.kind === 'token') return { MQ_TOKEN: token.token };
  if (token.kind === 'file') return { MQ_TOKEN_FILE: token.file };
  if (token.kind === 'command') return { MQ_TOKEN_COMMAND: token.command };
  return {
    MQ_OAUTH_TOKEN_URL: token.url,
    MQ_OAUTH_CLIENT_ID: token.clientId,
    MQ_OAUTH_CLIENT_SECRET: token.clientSecret,
    MQ_OAUTH_SCOPE: token.scope,
    MQ_OAUTH_AUDIENCE: token.audience,
  };
}
