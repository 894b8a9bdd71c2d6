// Options that every command accepts, and options of the commands that connect to the user's broker.

import type { Option } from './option.ts';

export const urlFile: Option = {
  name: 'url-file',
  value: 'FILE',
  help: 'read the address from a file, such as a mounted secret',
  default: 'MQ_URL_FILE',
};

export const connection: Option = {
  name: 'connection',
  value: 'CONNECTION',
  help: 'use this named connection (mq connection list)',
  default: 'MQ_CONNECTION',
};

export const configuration: Option = {
  name: 'config',
  value: 'FILE',
  help: 'read this configuration',
  default: 'MQ_CONFIG, else ./rascal.json',
};

export const json: Option = { name: 'json', help: 'print results as JSON lines' };

/** Options that choose how mq logs in to the broker and verifies it. */
export const login: readonly Option[] = [
  {
    name: 'ca',
    value: 'FILE',
    help: 'trust this certificate authority (PEM)',
    default: 'MQ_CA, else the authorities of the system',
  },
  { name: 'cert', value: 'FILE', help: 'present this client certificate (PEM)', default: 'MQ_CERT' },
  { name: 'key', value: 'FILE', help: 'use this key of the client certificate (PEM)', default: 'MQ_KEY' },
  {
    name: 'key-password-file',
    value: 'FILE',
    help: 'read the password of the key from a file',
    default: 'MQ_KEY_PASSWORD_FILE',
  },
  { name: 'insecure', help: "do not verify the broker's certificate; others can then read the password" },
  {
    name: 'token-command',
    value: 'CMD',
    help: 'log in with the OAuth 2 token that this shell command prints; it runs again before the token expires',
    default: 'MQ_TOKEN, MQ_TOKEN_FILE, MQ_TOKEN_COMMAND, MQ_OAUTH_TOKEN_URL',
  },
];

export const loginOptionNames: readonly string[] = login.map(({ name }) => name);

export const common: readonly Option[] = [
  {
    name: 'url',
    value: 'URLS',
    help: 'connect to amqp://user:password@host:port/vhost; separate several nodes with commas',
    default: 'MQ_URL, else rascal.json',
  },
  urlFile,
  connection,
  ...login,
  configuration,
  json,
];

export const always: readonly Option[] = [
  { name: 'debug', help: 'show the stack of an error' },
  { name: 'help', short: 'h', help: 'show this help' },
];
