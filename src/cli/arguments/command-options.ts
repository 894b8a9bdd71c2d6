// The options of commands that are not roles and do not connect to the user's broker.

import { trustManagement } from './admin-options.ts';
import type { Option } from './option.ts';
import { always, connection, json, login, urlFile } from './shared-options.ts';

/** Parts of a client certificate that can be the name of a user, as in RabbitMQ's ssl_cert_login_from. */
export const certificateParts = ['distinguished_name', 'common_name'] as const;

export const broker: readonly Option[] = [
  { name: 'port', value: 'N', help: 'listen for AMQP on this port; 0 is a free port', default: '5672' },
  { name: 'host', value: 'ADDRESS', help: 'listen on this address', default: '127.0.0.1' },
  {
    name: 'data',
    value: 'DIR',
    help: 'keep durable queues and persistent messages in this folder',
    default: 'in memory only',
  },
  {
    name: 'break-lock',
    help: 'with --data: ignore the lock of a broker that ran on another host or in a container and has ended',
  },
  {
    name: 'memory',
    value: 'BYTES',
    help: 'block publishers when the messages in queues need more memory than this, such as 512MiB',
    default: '1GiB, less on a small machine',
  },
  {
    name: 'management-port',
    value: 'N',
    help: 'serve the management HTTP API on this port (RabbitMQ uses 15672)',
    default: 'off',
  },
  {
    name: 'user',
    value: 'NAME',
    help: 'accept logins of this administrator; any name except guest requires a password',
    default: 'guest',
  },
  {
    name: 'password-file',
    value: 'FILE',
    help: 'read the password from a file; - is standard input',
    default: 'MQ_BROKER_PASSWORD, MQ_BROKER_PASSWORD_FILE',
  },
  {
    name: 'users',
    value: 'FILE',
    help: 'accept logins of the users in this file, with their permissions (mq help broker)',
    default: 'the user of --user',
  },
  { name: 'tls-cert', value: 'FILE', help: 'use TLS with this certificate (PEM)', default: 'plain TCP' },
  { name: 'tls-key', value: 'FILE', help: 'use TLS with this key (PEM)', default: 'plain TCP' },
  {
    name: 'tls-ca',
    value: 'FILE',
    help: 'ask clients for a certificate of this authority (PEM), and accept SASL EXTERNAL',
    default: 'no client certificates',
  },
  {
    name: 'cert-login-from',
    value: 'PART',
    words: certificateParts,
    help: 'with --tls-ca: this part of the certificate is the name of the user',
    default: 'distinguished_name',
  },
  { name: 'tls-port', value: 'N', help: 'use TLS on this port and plain TCP on --port', default: 'TLS on --port' },
  { name: 'passwords-need-tls', help: 'accept PLAIN and AMQPLAIN, which send a password, over TLS only' },
  { name: 'json', help: 'print the ready line as a JSON object' },
];

/** Options of mq check that require --live. */
export const checkLiveOnly: readonly Option[] = [
  { name: 'deny-warnings', help: 'end with status 1 for warnings, too' },
  {
    name: 'report',
    value: 'NAME',
    words: ['text', 'github'],
    help: 'with --live: report as text, or as annotations of GitHub Actions',
    default: 'text',
  },
  {
    name: 'vhost',
    value: 'NAME',
    help: 'with --live: check this vhost',
    default: 'the vhost of the address, else all vhosts',
  },
  { name: 'all-vhosts', help: 'with --live: check all vhosts, even if the address names one' },
  {
    name: 'url',
    value: 'URLS',
    help: 'with --live: check the broker of this AMQP address',
    default: 'MQ_URL, else rascal.json',
  },
  urlFile,
  { ...connection, help: `with --live: ${connection.help}` },
  {
    name: 'management-url',
    value: 'URLS',
    help: 'with --live: use this management API: http://user:password@host:15672',
    default: 'MQ_MANAGEMENT_URL, else rascal.json or the standard port',
  },
  trustManagement,
  ...login.map((option) => ({ ...option, help: `with --live: ${option.help}` })),
];

export const check: readonly Option[] = [
  {
    name: 'config',
    value: 'FILE',
    help: 'check this file, as the argument does; with --live, use the addresses in it',
    default: 'MQ_CONFIG, else ./rascal.json',
  },
  { name: 'json', help: 'print problems as JSON lines' },
  { name: 'schema', help: 'print the JSON Schema of rascal.json' },
  {
    name: 'target',
    value: 'VERSION',
    words: ['4.0', '4.3'],
    help: 'also report what RabbitMQ 4.0 or 4.3 refuses or deprecates; the file may be exported definitions',
    default: 'none; with --live the version of the broker',
  },
  {
    name: 'compatible-with',
    value: 'PATH',
    help: 'also report schemas that do not fit the old messages and programs of this older rascal.json, or its folder',
    default: 'no comparison',
  },
  { name: 'live', help: 'check a broker instead of a file' },
  ...checkLiveOnly,
];

export const health: readonly Option[] = [
  { name: 'timeout', value: 'DURATION', help: 'wait at most this long for the answer', default: '5s' },
  { name: 'json', help: 'print the answer as a JSON object' },
];

export const demo: readonly Option[] = [{ name: 'json', help: 'print events as JSON lines' }];

const secrets = (name: string, what: string): readonly Option[] => [
  { name: `${name}-env`, value: 'VARIABLE', help: `read ${what} from this environment variable`, default: 'none' },
  { name: `${name}-file`, value: 'FILE', help: `read ${what} from this file`, default: 'none' },
  { name: `${name}-command`, value: 'CMD', help: `run this shell command, which prints ${what}`, default: 'none' },
];

/** Options of mq connection, by verb. */
export const connectionVerbOptions = {
  add: [
    {
      name: 'url',
      value: 'URLS',
      help: 'connect to amqp://user@host:port/vhost, without a password; separate several nodes with commas',
      default: 'required',
    },
    ...secrets('password', 'the password of the addresses'),
    {
      name: 'management-url',
      value: 'URLS',
      help: 'use this management API: https://host:15671, or https://user@host:15671',
      default: 'the standard port',
    },
    ...secrets('management-password', 'the password of the user in --management-url'),
    ...login.filter(({ name }) => ['ca', 'cert', 'key', 'key-password-file'].includes(name)).map(withoutVariable),
    ...secrets('token', 'an OAuth 2 token'),
    { name: 'overwrite', help: 'replace the connection if it exists' },
    json,
    ...always,
  ],
  list: [json, ...always],
  show: [json, ...always],
  remove: always,
  test: [
    { name: 'timeout', value: 'DURATION', help: 'wait at most this long for each answer', default: '5s' },
    json,
    ...always,
  ],
} as const satisfies Record<string, readonly Option[]>;

/** The variables of the environment do not become part of a connection. */
function withoutVariable(option: Option): Option {
  return { ...option, default: option.name === 'ca' ? 'the authorities of the system' : 'none' };
}

export const types: readonly Option[] = [
  {
    name: 'config',
    value: 'FILE',
    help: 'write the types of the bodies in the schemas of this file',
    default: 'MQ_CONFIG, else ./rascal.json',
  },
  { name: 'out', value: 'DIR', help: 'write to this folder', default: 'the working folder' },
];

export const trust: readonly Option[] = [{ name: 'revoke', help: 'withdraw the trust in all versions of the file' }];

const managementUrl: Option = {
  name: 'management-url',
  value: 'URLS',
  help: 'read the topology from this management API: http://user:password@host:15672',
  default: 'MQ_MANAGEMENT_URL, else rascal.json or the standard port',
};

export const init: readonly Option[] = [
  {
    name: 'from',
    value: 'SOURCE',
    help: 'write the topology of a broker (amqp://user:password@host/vhost) or of a file with exported definitions',
    default: 'a template',
  },
  { ...connection, help: 'write the topology of the broker of this named connection', default: 'none' },
  managementUrl,
  trustManagement,
  ...login.map((option) => ({ ...option, help: `with --from: ${option.help}` })),
  { name: 'config', value: 'FILE', help: 'write this file; - prints it', default: './rascal.json' },
  { name: 'json', help: 'print the names of the file and the template or the source as a JSON object' },
];

/** Options of mq top, in addition to those of all commands that connect to a broker. */
export const top: readonly Option[] = [
  {
    name: 'sort',
    value: 'COLUMN',
    words: ['ready', 'unacked', 'retry', 'dead', 'consumers', 'in', 'out', 'memory', 'name'],
    help: 'sort by this column: numbers in descending order, names in ascending order',
    default: 'ready',
  },
  { name: 'once', help: 'print one table and end; the rates need two samples, one interval apart' },
  { name: 'interval', value: 'DURATION', help: 'wait this long between two samples', default: '5s' },
  { name: 'vhost', value: 'NAME', help: 'show this vhost', default: 'the vhost of the address, else all vhosts' },
  { name: 'all-vhosts', help: 'show all vhosts, even if the address names one' },
  { ...managementUrl, help: 'use this management API: http://user:password@host:15672' },
  trustManagement,
];

/** Options of mq plan, in addition to those of all commands that connect to a broker. */
export const plan: readonly Option[] = [
  { name: 'markdown', help: 'print Markdown, for example for a comment on a pull request' },
  { name: 'out', value: 'FILE', help: 'write the plan to this file', default: 'standard output' },
  {
    name: 'against',
    value: 'FILE',
    help: 'compare with exported definitions instead of a broker; - is standard input',
    default: 'the broker',
  },
  { name: 'amqp-only', help: 'use no management API, and only find missing exchanges and queues' },
  managementUrl,
  trustManagement,
];

/** Options of mq route, in addition to those of all commands that connect to a broker. */
export const route: readonly Option[] = [
  {
    name: 'header',
    value: 'NAME=VALUE',
    repeats: true,
    help: 'route a message with this header, a text; NAME:=JSON is a number, true, a list (CC, BCC), …',
  },
  { name: 'live', help: 'use the topology of the broker instead of rascal.json' },
  {
    name: 'vhost',
    value: 'NAME',
    help: 'use this vhost',
    default: 'the vhost of the publication or exchange',
  },
  managementUrl,
  trustManagement,
];

export const graphFormats = ['text', 'mermaid', 'dot', 'svg', 'json', 'asyncapi'] as const;

/** Options of mq graph, in addition to those of all commands that connect to a broker. */
export const graph: readonly Option[] = [
  {
    name: 'format',
    value: 'FORMAT',
    words: graphFormats,
    help: 'print text, a Mermaid flowchart, Graphviz dot, SVG, JSON or an AsyncAPI document',
    default: 'text',
  },
  { name: 'live', help: 'draw what the broker has, with depths, rates and consumers' },
  { name: 'vhost', value: 'NAME', help: 'draw this vhost', default: 'all vhosts of rascal.json' },
  {
    name: 'focus',
    value: 'NAME',
    help: 'draw only the objects with this name and their neighbours',
    default: 'all objects',
  },
  { name: 'depth', value: 'N', help: 'with --focus: draw what at most N edges separate from it', default: '1' },
  {
    name: 'collapse',
    negatable: true,
    help: 'join objects whose names have the same prefix, if there are more than 60',
    default: 'on, except for json',
  },
  managementUrl,
  trustManagement,
];

/** Options of mq apply, in addition to those of all commands that connect to a broker. */
export const apply: readonly Option[] = [
  { name: 'yes', help: 'do not ask for consent' },
  {
    name: 'replace',
    value: 'QUEUE',
    repeats: true,
    help: 'replace this queue if it differs, without losing its messages, or finish its replacement',
    default: 'replace nothing',
  },
  { name: 'prune', help: 'also delete what rascal.json owns ("owns") and no longer defines, if it is not in use' },
  { name: 'drop-messages', help: 'with --prune: also delete queues that contain messages; the messages are lost' },
  managementUrl,
  trustManagement,
];
