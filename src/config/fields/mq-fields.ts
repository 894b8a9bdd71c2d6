// Lists the fields of mq's own settings in rascal.json, under "mq": roles, their handlers, retries.

import { longestTimerMs } from '../../time.ts';
import { listenForms } from '../endpoint.ts';
import { argumentForms, behaviours, builtinHandlers, failurePolicies, logFormats, logLevels } from '../role.ts';
import { recycleForms } from '../size.ts';
import { choice, type Field, flag, group, keyed, milliseconds, name, text, whole } from './field.ts';
import { operatorPolicies, policies } from './policy-fields.ts';
import { thresholdFault } from './threshold.ts';

export const prefetch = whole('Maximum number of unacknowledged messages; 0: no limit', {
  max: 65535,
});

/** Returns a field for the duration of a timer in mq. */
const timer = (description: string): Field => ({ ...milliseconds(description, 1), max: longestTimerMs });

const retry = group(
  'Retry with back-off. A role overrides its subscription, and a subscription overrides mq.retry',
  {
    attempts: whole('Number of attempts before a message is dead-lettered', { min: 1 }),
    delays: {
      is: ['array'],
      description: 'Pauses before attempt 2, 3, …; the last one repeats',
      minItems: 1,
      items: milliseconds('A pause', 1),
    },
    deadLetter: {
      is: ['object', 'boolean'],
      description: 'Target of dead letters; default the queue <queue>.dead; false: no dead letters',
      fields: {
        publication: text('Publication for dead letters'),
        queue: name('Queue for dead letters, in the vhost of the subscription'),
      },
    },
    onFail: choice('Policy for a failed message; default retry', failurePolicies),
    native: flag('true: the quorum queue delays the next attempt itself (x-delayed-retry-type, RabbitMQ 4.3)'),
  },
  { definition: 'mqRetry' },
);
const ownRetry: Field = {
  ...retry,
  is: ['object', 'boolean'],
  description: 'Retry with back-off; false: one attempt, and no dead-letter queue',
  definition: 'mqRetryOrNot',
};

const delay: Field = {
  ...milliseconds('Delay of every message', 1),
  is: ['integer', 'boolean'],
  description: 'Delay of every message, in milliseconds or with a unit ("30s"); true: mq declares what --delay needs',
};

const handler = group(
  'Handler of messages: exactly one of builtin, exec, execLines and module',
  {
    builtin: choice('A built-in handler', builtinHandlers),
    exec: {
      is: ['array'],
      description: 'A program and its arguments. It runs once for each message, without a shell',
      minItems: 1,
      items: text('A word of the command'),
    },
    execLines: {
      is: ['array'],
      description: 'A long-lived program and its arguments. It reads and writes one line of JSON for each message',
      minItems: 1,
      items: text('A word of the command'),
    },
    module: text('A .ts or .js file, relative to the folder of this file'),
    timeout: timer('Time limit for one message; default 25m'),
    batch: whole('Maximum number of messages in one call of execLines or module', { min: 1, max: 65535 }),
    batchWait: timer('Time to wait for a full batch; default 1s'),
    recycleAfter: {
      is: ['integer', 'string'],
      description: `Limit after which a process of execLines is replaced: ${recycleForms}`,
      min: 1,
    },
    env: keyed('Variables to set for the program of exec or execLines', text('The value of the variable')),
    passEnv: {
      is: ['array'],
      description: 'Additional variables to inherit: names, or patterns such as AWS_*',
      items: text('A name or pattern'),
    },
    cleanEnv: flag('The program inherits only the usual variables (PATH, HOME, …) and those of passEnv'),
  },
  { definition: 'handler' },
);
const role = group(
  'A role: a subcommand of mq. "reply": "thumbs" is short for "behaviour": "reply" and "subscription": "thumbs"',
  {
    behaviour: choice('Behaviour of the role', behaviours),
    publication: text('The publication that publish and request use'),
    subscription: text('The subscription that consume and reply use'),
    subscriptions: {
      is: ['array'],
      description: 'Several subscriptions, which consume and reply serve in turn',
      minItems: 1,
      items: text('A subscription'),
    },
    publish: text('Short for behaviour publish with this publication'),
    request: text('Short for behaviour request with this publication'),
    consume: text('Short for behaviour consume with this subscription'),
    reply: text('Short for behaviour reply with this subscription'),
    summary: text('One-line summary for help'),
    arguments: choice("Meaning of the words after the role's name", argumentForms),
    keyName: text('Name of the routing or binding keys in help'),
    text: text('Message body if no text is given'),
    routingKey: name('Routing key if no key is given'),
    persistent: flag('The messages survive a restart of the broker'),
    prefetch,
    concurrency: whole('Number of messages that are handled at the same time', { min: 1 }),
    handler,
    retry: ownRetry,
    drain: timer('Time to finish messages after the first signal; default 25s'),
    metrics: {
      is: ['integer', 'string'],
      description: `Listen address of the metrics: ${listenForms}`,
      min: 0,
      max: 65535,
    },
    log: choice('Log format on stderr; default text', logFormats),
    logLevel: choice('Minimum log level on stderr; default info', logLevels),
  },
  { definition: 'role' },
);

const schema = text('File with the JSON Schema (draft 2020-12) of the bodies, relative to the folder of this file');
const onInvalid = choice('Policy for a message whose body the schema refuses; default dead-letter', failurePolicies);

/** Settings of one verb of `mq bench`. */
const bench = group(
  'Settings of mq bench for this verb',
  {
    thresholds: {
      is: ['array'],
      description: 'Thresholds: mq bench exits with 1 if one does not hold',
      minItems: 1,
      items: text('A metric, an operator and a value: p99<50ms, rate>2000, lost==0', { fault: thresholdFault }),
    },
  },
  { definition: 'bench' },
);

/** Field of the settings under "mq". */
export const mqField = group("mq's own settings; Rascal ignores them", {
  roles: keyed('Roles by name', role),
  declare: flag('false: roles declare nothing, and what they need must exist (mq apply); default true'),
  owns: {
    is: ['array'],
    description: 'Names of queues and exchanges that mq apply --prune may delete; * matches any characters',
    items: name('A name or pattern'),
  },
  retry,
  delay: text('Start of the names of exchanges and queues for delayed messages; default mq.delay', {
    maxBytes: 60,
    oneLine: true,
  }),
  publications: keyed('Settings by publication', group('Settings of a publication', { delay, schema })),
  subscriptions: keyed(
    'Settings by subscription',
    group('Settings of a subscription', { retry: ownRetry, schema, onInvalid }),
  ),
  bench: group('Settings of mq bench by verb', { publish: bench, consume: bench, pipe: bench, rpc: bench }),
  policies,
  operatorPolicies,
});
