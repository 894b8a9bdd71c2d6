// Lists the fields of mq's own settings in rascal.json, under "mq": roles, their handlers, retries.

import { longestTimerMs } from '../../timer.ts';
import { listenForms } from '../endpoint.ts';
import { argumentForms, behaviours, builtinHandlers, failurePolicies, logFormats, logLevels } from '../role.ts';
import { recycleForms } from '../size.ts';
import { choice, type Field, flag, group, keyed, milliseconds, name, text, whole } from './field.ts';

export const prefetch = whole('How many unacknowledged messages the broker hands out at once; 0: no limit', {
  max: 65535,
});

/** Returns a field for a duration that mq uses as a timer. */
const timer = (description: string): Field => ({ ...milliseconds(description, 1), max: longestTimerMs });

const retry = group(
  'Retry with back-off: the settings of a role go before those of its subscription, and those before mq.retry',
  {
    attempts: whole('How often a message is tried, before it goes to the dead-letter queue', { min: 1 }),
    delays: {
      is: ['array'],
      description: 'Pauses before attempt 2, 3, …; the last one repeats',
      minItems: 1,
      items: milliseconds('A pause', 1),
    },
    deadLetter: {
      is: ['object', 'boolean'],
      description: 'Where dead messages go; default the queue <queue>.dead; false: nowhere',
      fields: {
        publication: text('By a publication of this name'),
        queue: name('To a queue of this name, in the vhost of the subscription'),
      },
    },
    onFail: choice('What happens to a message that fails; default retry', failurePolicies),
  },
  { definition: 'mqRetry' },
);
const ownRetry: Field = {
  ...retry,
  is: ['object', 'boolean'],
  description: 'Retry with back-off; false: one attempt, and no dead-letter queue',
  definition: 'mqRetryOrNot',
};

const handler = group(
  'What happens to a message: exactly one of builtin, exec, execLines and module',
  {
    builtin: choice('A handler of mq', builtinHandlers),
    exec: {
      is: ['array'],
      description: 'A program and its arguments, run for each message, without a shell',
      minItems: 1,
      items: text('A word of the command'),
    },
    execLines: {
      is: ['array'],
      description: 'A program and its arguments that stays: one line of JSON in and one out for each message',
      minItems: 1,
      items: text('A word of the command'),
    },
    module: text('A .ts or .js file, from the folder of this file'),
    timeout: timer('How long one message may take; default 25m'),
    batch: whole('The most messages in one call of execLines or module', { min: 1, max: 65535 }),
    batchWait: timer('How long a batch waits until it is full; default 1s'),
    recycleAfter: {
      is: ['integer', 'string'],
      description: `When a process of execLines is replaced: ${recycleForms}`,
      min: 1,
    },
    env: keyed('Variables that the program of exec or execLines gets', text('The value of the variable')),
    passEnv: {
      is: ['array'],
      description: 'Variables that the program inherits as well: names, or patterns such as AWS_*',
      items: text('A name or pattern'),
    },
    cleanEnv: flag('The program inherits only the usual variables (PATH, HOME, …) and those of passEnv'),
  },
  { definition: 'handler' },
);
const role = group(
  'A role: a subcommand of mq. "reply": "thumbs" is short for its behaviour and subscription (or publication)',
  {
    behaviour: choice('What it does', behaviours),
    publication: text('The publication that publish and request use'),
    subscription: text('The subscription that consume and reply use'),
    subscriptions: {
      is: ['array'],
      description: 'Several subscriptions that consume and reply use, each in its turn',
      minItems: 1,
      items: text('A subscription'),
    },
    publish: text('Behaviour publish, with this publication'),
    request: text('Behaviour request, with this publication'),
    consume: text('Behaviour consume, with this subscription'),
    reply: text('Behaviour reply, with this subscription'),
    summary: text('One line of help'),
    arguments: choice("What the words after the role's name are", argumentForms),
    keyName: text('The word for the keys in help'),
    text: text('Sent when no text is given'),
    routingKey: name('Used when no key is given'),
    persistent: flag('Whether messages survive a restart of the broker'),
    prefetch,
    concurrency: whole('Messages handled at once', { min: 1 }),
    handler,
    retry: ownRetry,
    drain: timer('How long the messages in hand have after the first signal; default 25s'),
    metrics: {
      is: ['integer', 'string'],
      description: `Where metrics are served: ${listenForms}`,
      min: 0,
      max: 65535,
    },
    log: choice('Form of stderr; default text', logFormats),
    logLevel: choice('The least important level of a line on stderr; default info', logLevels),
  },
  { definition: 'role' },
);

/** Field of the settings under "mq". */
export const mqField = group("mq's own settings; Rascal ignores them", {
  roles: keyed('Roles by name', role),
  retry,
  subscriptions: keyed('Settings by subscription', group('Settings of a subscription', { retry: ownRetry })),
});
