// Tests command lines that mq record, mq replay, and mq publish and subscribe without rascal.json refuse.

import { test } from 'uvu';
import { rascal, refuses } from './rows.ts';

const files = {
  ...rascal({ vhosts: { '/': { queues: ['q'] } }, publications: { q: { queue: 'q' } } }),
  'text.ndjson': '{"body":"x"}\n',
  'new.ndjson': '{"mq":"recording","version":2}\n',
  'empty.ndjson': '',
};

/** Returns the row of a command line that is refused as wrong. */
function usage(command: string, line: string, hint?: string) {
  const args = command.split(' ');
  const name = `mq ${args[0]}`;
  return {
    title: `${name} ${args.slice(1).join(' ')}`,
    args,
    files,
    exit: 64,
    line: `${name}: ${line} [USAGE]`,
    hint: hint ?? `${name} --help`,
  } as const;
}

refuses([
  usage('record', 'give the file to write; - is standard output'),
  usage('record a --remove', '--remove requires --from'),
  usage('record a --offset first', '--offset requires --from'),
  usage('record a --from q --firehose', '--firehose excludes --from'),
  usage('record a --from q --only-safe', '--only-safe excludes --from'),
  usage(
    'record a b --from q',
    "unexpected argument 'b'",
    '--from records one queue; without it, the arguments name exchanges',
  ),
  usage(
    'record - --from q --remove',
    '--remove needs a file: a pipe does not report when its reader has stored a message',
    'record to a file, and replay the file',
  ),
  usage(
    'record /dev/null --from q --remove',
    '--remove needs a file: a pipe does not report when its reader has stored a message',
    'record to a file, and replay the file',
  ),
  usage('record a --from q --remove --filter x', '--filter excludes --remove'),
  usage('record a --count 0', "--count must be a whole number of at least 1, not '0'"),
  usage('replay', 'give the file of the recording; - is standard input'),
  usage('replay a b', "unexpected argument 'b'"),
  usage('replay a --speed 2 --now', '--speed and --now exclude each other'),
  usage('replay a --speed 0', "--speed must be a factor such as 2 or 0.5, not '0'"),
  usage('replay a --map x', "--map must be OLD=NEW, exchange:OLD=NEW or key:OLD=NEW, not 'x'"),
  usage('replay a --to queue:', '--to queue: has no name after the colon'),
  usage(
    'replay a --to moon',
    "there is no publication 'moon'",
    '--to queue:NAME sends to a queue, --to exchange:NAME to an exchange',
  ),
  usage('publish --queue q --exchange e x', '--queue and --exchange exclude each other'),
  usage(
    'replay a --to queue:q --map key:a=b',
    '--map excludes --to queue:NAME, which replaces the exchange and the routing key',
  ),
  usage(
    'publish --queue q --routing-key other x',
    '--routing-key excludes --queue, whose name is the routing key',
    '--exchange accepts a key',
  ),
  usage('publish --queue q --delimiter NUL', '--delimiter separates messages: it requires --lines'),
  usage('publish --queue q --lines --delimiter CR', "--delimiter must be LF or NUL, not 'CR'"),
  usage(
    'subscribe --queue q --key k',
    '--key requires --exchange',
    '--key is a file only with a client certificate (--cert)',
  ),
  usage(
    'subscribe --exchange e',
    '--exchange requires --key',
    "--key '#' receives everything of a topic exchange, --key '' everything of a fanout exchange",
  ),
  {
    title: 'a recording that does not exist',
    args: ['replay', 'none.ndjson'],
    files,
    exit: 66,
    line: 'mq replay: cannot read none.ndjson: no such file [NO_INPUT]',
  },
  {
    title: 'a file that is not a recording',
    args: ['replay', 'text.ndjson'],
    files,
    exit: 65,
    line: 'mq replay: text.ndjson is not a recording of mq [BAD_DATA]',
    hint: 'mq record writes recordings',
  },
  {
    title: 'an empty file',
    args: ['replay', 'empty.ndjson'],
    files,
    exit: 65,
    line: 'mq replay: empty.ndjson is empty [BAD_DATA]',
    hint: 'mq record writes recordings',
  },
  {
    title: 'a recording of a later version',
    args: ['replay', 'new.ndjson'],
    files,
    exit: 65,
    line: 'mq replay: new.ndjson has version 2 of the format; this mq reads 1 [BAD_DATA]',
    hint: 'use the version of mq that recorded it, or a later one',
  },
]);

test.run();
