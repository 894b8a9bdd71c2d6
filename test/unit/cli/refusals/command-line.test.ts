// Tests command lines that mq refuses.

import { test } from 'uvu';
import { type Row, refuses } from './rows.ts';

const numbers = {
  whole: { worker: ['count', 'prefetch', 'concurrency'], producer: ['window'], 'rpc-client': ['window'] },
  seconds: {
    worker: ['idle', 'drain', 'grace', 'handler-timeout'],
    producer: ['timeout', 'drain'],
    'rpc-client': ['timeout', 'drain'],
  },
} as const;

const numberRows = Object.entries(numbers).flatMap(([kind, commands]) =>
  Object.entries<readonly string[]>(commands).flatMap(([command, options]) =>
    options.map((option, index): Row => {
      // Each option is tested with one of the invalid values.
      const value = ['abc', '0', '-1', '1e3'][index % 4] as string;
      const range =
        kind === 'seconds'
          ? 'a duration \\(500ms, 30s, 5m or 1h\\) from 1ms to 24d'
          : 'a whole number (from|of at least) 1';
      return {
        title: `mq ${command} --${option} ${value}`,
        args: [command, `--${option}`, value],
        exit: 64,
        line: new RegExp(`^mq ${command}: --${option} must be ${range}.*, not '${value}' \\[USAGE\\]$`),
        hint: `mq ${command} --help`,
      };
    }),
  ),
);

const help = (command: string) => `mq ${command} --help`;
const list = (command: string) => `mq ${command} --help lists the options; words after -- are arguments`;

refuses([
  {
    title: 'an unknown option of a verb',
    args: ['cluster', 'up', '--verbos'],
    exit: 64,
    line: 'mq cluster: there is no option --verbos [USAGE]',
    hint: 'mq cluster <verb> --help lists the options; words after -- are arguments',
  },
  ...numberRows,
  {
    title: 'an empty number',
    args: ['worker', '--count', ''],
    exit: 64,
    line: "mq worker: --count must be a whole number of at least 1, not '' [USAGE]",
    hint: help('worker'),
  },
  {
    title: 'a duration that is too long for a timer',
    args: ['worker', '--idle', '2147484'],
    exit: 64,
    line: "mq worker: --idle must be a duration (500ms, 30s, 5m or 1h) from 1ms to 24d, not '2147484' [USAGE]",
    hint: help('worker'),
  },
  {
    title: 'a prefetch above the limit of the protocol',
    args: ['worker', '--prefetch', '65536'],
    exit: 64,
    line: "mq worker: --prefetch must be a whole number from 1 to 65535, not '65536' [USAGE]",
    hint: help('worker'),
  },
  {
    title: 'an unknown command with a similar name',
    args: ['workr'],
    exit: 64,
    line: "mq workr: there is no command 'workr' [USAGE]",
    hint: "did you mean 'mq worker'?",
    everyStyle: true,
  },
  ...['constructor', 'toString', '__proto__', ''].map(
    (name): Row => ({
      title: `the command ${JSON.stringify(name)}`,
      args: [name],
      exit: 64,
      line: new RegExp(`^mq ?${name}: there is no command '${name}' \\[USAGE\\]$`),
      hint: 'mq --help lists the commands',
    }),
  ),
  {
    title: 'an unknown option with a similar name',
    args: ['producer', '--heade', 'a=b'],
    exit: 64,
    line: 'mq producer: there is no option --heade [USAGE]',
    hint: 'did you mean --header?',
    everyStyle: true,
  },
  ...['--constructor', '--__proto__', '--no-json', '-q', '-hx'].map(
    (option): Row => ({
      title: `the option ${option}`,
      args: ['producer', option],
      exit: 64,
      line: `mq producer: there is no option ${option} [USAGE]`,
      hint: list('producer'),
    }),
  ),
  ...(
    [
      ['-url', '--url'],
      ['--routingKey', '--routing-key'],
    ] as const
  ).map(
    ([typed, meant]): Row => ({
      title: `the option ${typed} instead of ${meant}`,
      args: ['producer', typed, 'x'],
      exit: 64,
      line: `mq producer: there is no option ${typed} [USAGE]`,
      hint: `did you mean ${meant}?`,
    }),
  ),
  {
    title: 'a value for an option without a value',
    args: ['producer', '--persistent=false'],
    exit: 64,
    line: 'mq producer: --persistent accepts no value [USAGE]',
    hint: help('producer'),
  },
  {
    title: 'an option of another command',
    args: ['producer', '--count', '1'],
    exit: 64,
    line: 'mq producer: there is no option --count [USAGE]',
    hint: /./,
  },
  ...(
    [
      ['producer', 'url', 'URLS'],
      ['producer', 'header', 'NAME=VALUE'],
      ['worker', 'exec', 'CMD ARGS…'],
      ['worker', 'count', 'N'],
    ] as const
  ).map(
    ([command, option, value]): Row => ({
      title: `mq ${command} --${option} without a value`,
      args: [command, `--${option}`],
      exit: 64,
      line: `mq ${command}: --${option} requires a value: ${value} [USAGE]`,
      hint: help(command),
    }),
  ),
  {
    title: 'a text and --lines',
    args: ['producer', '--lines', 'hi'],
    exit: 64,
    line: "mq producer: 'hi' and --lines are two inputs; only one is allowed [USAGE]",
    hint: help('producer'),
  },
  {
    title: 'a text and --file',
    args: ['rpc-client', '--file', '-', '30'],
    exit: 64,
    line: "mq rpc-client: '30' and --file are two inputs; only one is allowed [USAGE]",
    hint: help('rpc-client'),
  },
  {
    title: 'two handlers',
    args: ['worker', '--handler', 'x.ts', '--exec', 'true'],
    exit: 64,
    line: 'mq worker: --exec and --handler exclude each other [USAGE]',
    hint: help('worker'),
  },
  {
    title: 'an unexpected argument',
    args: ['worker', 'now'],
    exit: 64,
    line: "mq worker: unexpected argument 'now' [USAGE]",
    hint: help('worker'),
  },
  {
    title: 'a header without a value',
    args: ['producer', '--header', 'a'],
    exit: 64,
    line: "mq producer: --header must be NAME=VALUE, not 'a' [USAGE]",
    hint: help('producer'),
  },
  {
    title: 'an unknown property',
    args: ['producer', '--property', 'colour=red'],
    exit: 64,
    line: /^mq producer: there is no property 'colour'; the properties are content-type, .* \[USAGE\]$/,
    hint: help('producer'),
  },
  {
    title: 'a priority that is not a number',
    args: ['producer', '--property', 'priority=high'],
    exit: 64,
    line: "mq producer: the property priority must be a whole number from 0 to 255, not 'high' [USAGE]",
    hint: help('producer'),
  },
  {
    title: 'receive-logs-direct without keys',
    args: ['receive-logs-direct'],
    exit: 64,
    line: 'mq receive-logs-direct: no severity is given; usage: mq receive-logs-direct [options] severity… [USAGE]',
    hint: help('receive-logs-direct'),
  },
  {
    title: 'receive-logs-topic without keys',
    args: ['receive-logs-topic'],
    exit: 64,
    line: 'mq receive-logs-topic: no pattern is given; usage: mq receive-logs-topic [options] pattern… [USAGE]',
    hint: help('receive-logs-topic'),
    everyStyle: true,
  },
  {
    title: 'mq publish without a name',
    args: ['publish'],
    exit: 64,
    line: /^mq publish: give the name of a publication; the publications are hello, task, .* \[USAGE\]$/,
    hint: help('publish'),
  },
  {
    title: 'a misspelled name of a subscription',
    args: ['subscribe', 'helo'],
    exit: 64,
    line: "mq subscribe: there is no subscription 'helo'; did you mean 'hello'? [USAGE]",
    hint: 'the subscriptions are hello, task, logs, direct_logs, topic_logs, rpc',
  },
  ...['0', 'fast', '10/x', '-1/s'].map(
    (rate): Row => ({
      title: `the rate ${rate}`,
      args: ['producer', 'x', '--rate', rate],
      exit: 64,
      line: `mq producer: --rate must be a number of messages, at most 9999999, such as 10/s, 30/m or 5/h, not '${rate}' [USAGE]`,
      hint: 'mq producer --help',
    }),
  ),
  {
    title: 'completions for an unknown shell',
    args: ['completions', 'tcsh'],
    exit: 64,
    line: "mq completions: there are no completions for 'tcsh' [USAGE]",
    hint: 'mq completions has bash, zsh, fish, powershell',
  },
]);

test.run();
