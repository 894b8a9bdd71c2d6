// The options of mq admin. Each action accepts some of them.

import type { Option } from './option.ts';
import { configuration, connection, login, urlFile } from './shared-options.ts';

export const trustManagement: Option = {
  name: 'trust-management',
  help: 'do not check that the named management API belongs to the broker of the AMQP address',
};

/** Also used by mq dlq. */
export const headers: Option = {
  name: 'headers',
  negatable: true,
  help: 'print the names of the columns above the table',
  default: 'on',
};

export const adminOptions: readonly Option[] = [
  {
    name: 'columns',
    value: 'NAMES',
    help: 'show these comma-separated fields of the API; a.b is the field b of the object a',
    default: 'the columns listed above',
  },
  {
    name: 'sort',
    value: 'COLUMN',
    help: 'sort by this column; -COLUMN sorts in descending order',
    default: 'the order of the broker',
  },
  { name: 'filter', value: 'TEXT', help: 'list only items with this text in the name', default: 'all' },
  { name: 'limit', value: 'N', help: 'list at most N items', default: 'all; 100 with --page' },
  { name: 'page', value: 'N', help: 'list the N-th page, of --limit items each', default: '1' },
  headers,
  { name: 'watch', help: 'repeat the request until a signal' },
  { name: 'interval', value: 'DURATION', help: 'with --watch: wait this long between two requests', default: '2s' },
  {
    name: 'vhost',
    value: 'NAME',
    help: 'use this vhost',
    default: 'the vhost of the address; if it has none, a list shows all vhosts and other actions use /',
  },
  { name: 'all-vhosts', help: 'list the items of all vhosts, even if the address names one vhost' },
  {
    name: 'type',
    value: 'TYPE',
    help: 'set the type of a queue (quorum, classic, stream) or exchange (direct, topic, fanout, headers, …)',
    default: 'queue: the type that the vhost defines; exchange: direct',
  },
  { name: 'durable', negatable: true, help: 'survive a restart of the broker', default: 'on' },
  { name: 'auto-delete', help: 'delete the queue or exchange after its last consumer or binding is removed' },
  { name: 'internal', help: 'accept messages from other exchanges only' },
  {
    name: 'argument',
    value: 'NAME=VALUE',
    repeats: true,
    help: 'set an argument, such as x-max-length=1000; numbers, true, false and JSON are parsed',
    default: 'none',
  },
  {
    name: 'destination-type',
    value: 'KIND',
    help: 'bind to an object of this kind: queue or exchange',
    default: 'queue',
  },
  { name: 'description', value: 'TEXT', help: 'set the description of the vhost', default: 'none' },
  { name: 'tag', value: 'TAG', repeats: true, help: 'give the vhost this tag', default: 'none' },
  {
    name: 'default-queue-type',
    value: 'TYPE',
    help: 'set the default type of queues: quorum, classic, stream',
    default: 'the default of the broker',
  },
  {
    name: 'priority',
    value: 'N',
    help: 'set the priority; if several policies match a name, the one with the highest priority applies',
    default: '0',
  },
  {
    name: 'apply-to',
    value: 'KIND',
    help: 'apply the policy to all, queues, exchanges, classic_queues, quorum_queues or streams',
    default: 'all for a policy, queues for an operator policy',
  },
  {
    name: 'new-password-file',
    value: 'FILE',
    help: 'read the new password from a file; - is standard input',
    default: 'MQ_NEW_PASSWORD, MQ_NEW_PASSWORD_FILE, else mq asks',
  },
  {
    name: 'password-hash',
    value: 'HASH',
    help: 'set the password by its hash: salted SHA-256 in base64, as in exported definitions',
    default: 'none',
  },
  { name: 'no-password', help: 'create a user without a password, for certificates, LDAP or OAuth 2' },
  {
    name: 'reason',
    value: 'TEXT',
    help: 'send this reason to the client and the log of the broker',
    default: "'closed by mq admin'",
  },
  { name: 'if-empty', help: 'delete the queue only if it has no messages' },
  {
    name: 'if-unused',
    help: 'delete the queue only if it has no consumers, or the exchange only if it has no bindings',
  },
  { name: 'max-ready', value: 'N', help: 'fail if more messages are ready', default: 'no limit' },
  { name: 'max-unacked', value: 'N', help: 'fail if more messages are unacknowledged', default: 'no limit' },
  { name: 'min-consumers', value: 'N', help: 'fail if the queue has fewer consumers', default: 'no limit' },
  { name: 'if-exists', help: 'succeed even if the object does not exist' },
  { name: 'yes', help: 'do not ask for consent' },
  {
    name: 'management-url',
    value: 'URLS',
    help: 'use this management API: http://user:password@host:15672; separate several nodes with commas',
    default: 'MQ_MANAGEMENT_URL, else rascal.json or the standard port',
  },
  trustManagement,
  {
    name: 'url',
    value: 'URLS',
    help: 'use the broker of this AMQP address; its API is on port 15672 (amqp) or 15671 (amqps)',
    default: 'MQ_URL, else rascal.json',
  },
  urlFile,
  connection,
  configuration,
  { name: 'user', value: 'NAME', help: 'log in to the API as this user', default: 'the user of the address' },
  {
    name: 'password-file',
    value: 'FILE',
    help: 'read the password from a file; - is standard input',
    default: 'MQ_PASSWORD or MQ_PASSWORD_FILE, for --user or an address without a password',
  },
  ...login,
  { name: 'timeout', value: 'DURATION', help: 'wait this long for one answer', default: '30s' },
  { name: 'max-answer', value: 'BYTES', help: 'fail if an answer of the API is larger than this', default: '64MiB' },
  { name: 'json', help: 'print results as JSON lines' },
];
