// Options that every command accepts, and options of the commands that connect to the user's broker.

import type { Option } from './option.ts';

export const urlFile: Option = {
  name: 'url-file',
  value: 'FILE',
  help: 'read the address from a file, such as a mounted secret',
  default: 'MQ_URL_FILE',
};

export const configuration: Option = {
  name: 'config',
  value: 'FILE',
  help: 'read this configuration',
  default: 'MQ_CONFIG, else ./rascal.json',
};

export const json: Option = { name: 'json', help: 'print results as JSON lines' };

export const common: readonly Option[] = [
  {
    name: 'url',
    value: 'URLS',
    help: 'connect to amqp://user:password@host:port/vhost; separate several nodes with commas',
    default: 'MQ_URL, else rascal.json',
  },
  urlFile,
  {
    name: 'ca',
    value: 'FILE',
    help: 'trust this certificate authority (PEM) for amqps',
    default: 'the authorities of the system',
  },
  { name: 'insecure', help: "do not verify the broker's certificate; others can then read the password" },
  configuration,
  json,
];

export const always: readonly Option[] = [
  { name: 'debug', help: 'show the stack of an error' },
  { name: 'help', short: 'h', help: 'show this help' },
];
