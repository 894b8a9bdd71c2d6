// The options of mq admin, of which each action has some.

import type { Option } from './option.ts';

export const trustManagement: Option = {
  name: 'trust-management',
  help: 'use the named management API without proof that it belongs to the broker of the AMQP address',
};

export const adminOptions: readonly Option[] = [
  {
    name: 'columns',
    value: 'NAMES',
    help: 'comma-separated columns as the API names them; a.b is inside a',
    default: 'the columns listed above',
  },
  {
    name: 'sort',
    value: 'COLUMN',
    help: 'sort by this column; -COLUMN sorts downwards',
    default: 'the order of the broker',
  },
  { name: 'filter', value: 'TEXT', help: 'only those with this text in the name', default: 'all' },
  { name: 'limit', value: 'N', help: 'at most N', default: 'all; 100 with --page' },
  { name: 'page', value: 'N', help: 'the N-th page of --limit', default: '1' },
  {
    name: 'headers',
    negatable: true,
    help: 'print a line with the names of the columns (default), or none (--no-headers)',
  },
  { name: 'watch', help: 'repeat until it is interrupted' },
  { name: 'interval', value: 'DURATION', help: 'the time between two looks of --watch', default: '2' },
  {
    name: 'vhost',
    value: 'NAME',
    help: 'the vhost',
    default: 'that of the address, else / for one thing and all for a list',
  },
  { name: 'all-vhosts', help: 'list all vhosts, even if the address names one' },
  {
    name: 'type',
    value: 'TYPE',
    help: 'of a queue: quorum, classic, stream; of an exchange: direct, topic, fanout, headers, …',
    default: 'that of the vhost for a queue, direct for an exchange',
  },
  { name: 'durable', negatable: true, help: 'survives a restart (default), or does not (--no-durable)' },
  { name: 'auto-delete', help: 'is deleted with its last consumer or binding' },
  { name: 'internal', help: 'takes messages from other exchanges only' },
  {
    name: 'argument',
    value: 'NAME=VALUE',
    repeats: true,
    help: 'for example x-max-length=1000; numbers, true, false and JSON are what they look like',
  },
  { name: 'destination-type', value: 'KIND', help: 'queue or exchange', default: 'queue' },
  { name: 'description', value: 'TEXT', help: 'a description for people', default: 'none' },
  { name: 'tag', value: 'TAG', repeats: true, help: 'a tag of the vhost' },
  {
    name: 'default-queue-type',
    value: 'TYPE',
    help: 'for queues of the vhost that name no type: quorum, classic, stream',
    default: 'that of the broker',
  },
  { name: 'priority', value: 'N', help: 'of several policies for one name, the highest applies', default: '0' },
  {
    name: 'apply-to',
    value: 'KIND',
    help: 'all, queues, exchanges, classic_queues, quorum_queues, streams',
    default: 'all for a policy, queues for an operator policy',
  },
  {
    name: 'new-password-file',
    value: 'FILE',
    help: 'read the new password from a file, - is standard input',
    default: 'MQ_NEW_PASSWORD, else it is asked for',
  },
  { name: 'password-hash', value: 'HASH', help: 'a salted SHA-256 hash in base64, as definitions have it' },
  { name: 'no-password', help: 'a user who logs in otherwise: by certificate, LDAP or OAuth 2' },
  { name: 'reason', value: 'TEXT', help: 'what the client and the log are told', default: "'closed by mq admin'" },
  { name: 'if-empty', help: 'only if it has no messages' },
  { name: 'if-unused', help: 'only if it has no consumers and no bindings' },
  { name: 'if-exists', help: 'succeed if it does not exist' },
  { name: 'yes', help: 'do it without being asked' },
  {
    name: 'management-url',
    value: 'URLS',
    help: 'the API: http://user:password@host:15672, comma-separated',
    default: 'MQ_MANAGEMENT_URL, else from the broker',
  },
  trustManagement,
  {
    name: 'url',
    value: 'URLS',
    help: 'the broker; beside its AMQP port 5672 the API is on port 15672, beside 5671 on 15671',
    default: 'MQ_URL, else rascal.json',
  },
  {
    name: 'config',
    value: 'FILE',
    help: 'the configuration',
    default: 'MQ_CONFIG, ./rascal.json, else the built-in one',
  },
  { name: 'user', value: 'NAME', help: 'the user of the API', default: 'that of the address' },
  {
    name: 'password-file',
    value: 'FILE',
    help: 'read the password from a file',
    default: 'MQ_PASSWORD for --user or an address without one',
  },
  { name: 'ca', value: 'FILE', help: 'trust this authority, PEM', default: 'the public ones' },
  { name: 'timeout', value: 'DURATION', help: 'the most time for one answer', default: '30' },
  { name: 'max-answer', value: 'BYTES', help: 'the largest answer that is read', default: '67108864' },
  { name: 'json', help: 'results as one JSON object a line' },
];
