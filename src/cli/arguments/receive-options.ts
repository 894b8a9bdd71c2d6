// Lists the options of roles that receive.

import { failurePolicies } from '../../config/role.ts';
import type { Option } from './option.ts';

/** Names of the bytes that can end a message. */
export const delimiters = ['LF', 'NUL'] as const;

export const receive: readonly Option[] = [
  {
    name: 'prefetch',
    value: 'N',
    help: 'allow at most N unacknowledged messages',
    default: 'the prefetch in rascal.json, else 10',
  },
  { name: 'concurrency', value: 'N', help: 'handle at most N messages at once', default: 'the prefetch' },
  { name: 'count', value: 'N', help: 'stop after N messages', default: 'no limit' },
  { name: 'idle', value: 'DURATION', help: 'stop after this long without a message', default: 'never' },
  { name: 'max-time', value: 'DURATION', help: 'stop after this long, as at SIGTERM', default: 'never' },
  {
    name: 'until-empty',
    help: 'stop when the queue is empty, or at the message that was the last of a stream at the start',
  },
  {
    name: 'offset',
    value: 'OFFSET',
    help: 'start to read a stream here: first, last, next, a number, 10m (a time ago) or 2026-12-01T08:00:00Z',
    default: 'x-stream-offset in rascal.json, else next',
  },
  {
    name: 'offset-file',
    value: 'FILE',
    help: 'store the offset of the last handled message of a stream in a file, and continue after it',
    default: 'none; with it, --offset defaults to first',
  },
  {
    name: 'offset-name',
    value: 'NAME',
    help: 'store the offset on the broker, in the queue STREAM.offset.NAME',
    default: 'none; with it, --offset defaults to first',
  },
  { name: 'quiet', short: 'q', help: 'print no bodies on stdout' },
  { name: 'file', value: 'FILE', help: 'append each body to this file', default: 'none' },
  {
    name: 'delimiter',
    value: 'WORD',
    words: delimiters,
    help: 'end each body on stdout with a line feed (LF) or a zero byte (NUL)',
    default: 'LF',
  },
  {
    name: 'handler',
    value: 'FILE',
    help: 'handle messages with the default export of a module (.ts, .js)',
    default: 'the handler of the role',
  },
  {
    name: 'max-body',
    value: 'BYTES',
    help: 'do not handle messages with a larger body (65536, 1MiB), but dead-letter them',
    default: 'no limit',
  },
  {
    name: 'handler-timeout',
    value: 'DURATION',
    help: 'allow a handler this long for a message',
    default: '25m',
  },
  {
    name: 'on-fail',
    value: 'WHAT',
    words: failurePolicies,
    help: `do this with a message that fails: ${failurePolicies.join(', ')}`,
    default: 'the policy in rascal.json, else retry',
  },
  {
    name: 'grace',
    value: 'DURATION',
    help: 'when a command exceeds its time limit, wait this long between SIGTERM and SIGKILL',
    default: '5s',
  },
  {
    name: 'pass-env',
    value: 'NAMES',
    repeats: true,
    help: 'also pass these variables to the command: A,B or a pattern (AWS_*)',
  },
  { name: 'batch', value: 'N', help: 'pass up to N messages at once to --exec-lines or --handler', default: '1' },
  { name: 'batch-wait', value: 'DURATION', help: 'wait at most this long for a batch to fill', default: '1s' },
  {
    name: 'recycle-after',
    value: 'LIMIT',
    help: 'replace a process of --exec-lines after this many messages (1000) or above this memory use (512MiB)',
    default: 'never',
  },
  {
    name: 'clean-env',
    help: 'pass only PATH, HOME and similar variables to the command, and those of --pass-env',
  },
  {
    name: 'exec',
    value: 'CMD ARGS…',
    rest: true,
    help: 'run a command for each message; all words after --exec belong to the command',
  },
  {
    name: 'exec-lines',
    value: 'CMD ARGS…',
    rest: true,
    help: 'keep a command running; it reads and writes a line of JSON for each message; all words after --exec-lines belong to it',
  },
];

export const reply: readonly Option[] = [
  ...receive,
  {
    name: 'reply-to',
    value: 'PATTERN',
    repeats: true,
    help: 'reply only by direct reply-to and to queues that match, such as replies.*; dead-letter other requests',
    default: 'all queues except work queues of rascal.json',
  },
];
