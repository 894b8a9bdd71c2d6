// Builds the exit statuses, environment variables and examples in the help of a role.

import { isReceiving, type RoleConfig } from '../config/role.ts';
import type { HelpSection } from './command.ts';

const environment: HelpSection = {
  title: 'Environment',
  rows: [
    ['MQ_URL, MQ_URL_FILE', 'address of the broker, or a file that contains it'],
    ['MQ_CONNECTION', 'named connection to use instead of an address'],
    ['MQ_PASSWORD, MQ_PASSWORD_FILE', 'password for an address of --url or MQ_URL with a user but no password'],
    ['MQ_CONFIG', 'configuration to read instead of ./rascal.json'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector of OpenTelemetry that receives traces (mq help observability)'],
  ],
};

const exitStatuses: HelpSection = {
  title: 'Exit status',
  rows: [
    ['0', 'done'],
    ['64, 65, 66', 'wrong command line, wrong data, no input file'],
    ['67', 'unroutable: no queue received the message'],
    ['68, 69', 'unknown host, no broker'],
    ['71, 73, 74', 'system error, cannot create a file, cannot read or write'],
    ['75', 'try again: message in doubt or refused, or no answer in time'],
    ['76, 77, 78', 'protocol or TLS error, not permitted, wrong configuration or topology'],
    ['130, 143', 'a signal stopped mq before the work was done'],
  ],
};

const execStatuses: HelpSection = {
  title: 'Exit status of an --exec command',
  rows: [
    ['0', 'acknowledge the message'],
    ['3, 5', 'dead-letter it at once'],
    ['4, 6', 'requeue it'],
    ['79, 126, 127', 'return it to its queue and end the role (126, 127: cannot run the program)'],
    ['75, any other', 'retry it later with back-off, also if a signal or the time limit ended the command'],
  ],
};

const execVariables: HelpSection = {
  title: 'Variables of an --exec command',
  rows: [
    ['MQ_QUEUE, MQ_EXCHANGE, MQ_ROUTING_KEY', 'queue, exchange and routing key of the message'],
    ['MQ_ATTEMPT, MQ_REDELIVERED', 'number of the attempt; true if the message was delivered before'],
    ['MQ_MESSAGE_ID, MQ_CONTENT_TYPE, …', 'properties of the message, each in its own variable'],
    ['MQ_HEADER_NAME', 'the header "name"; file descriptor 3 has all headers as JSON'],
  ],
};

/** Returns the help sections that depend on the behaviour of a role. */
export function roleSections(role: RoleConfig): HelpSection[] {
  return [...(isReceiving(role) ? [execStatuses, execVariables] : []), exitStatuses, environment];
}

/** Returns examples for a role of this name. */
export function roleExamples(name: string, { behaviour, arguments: form, keyName = 'key' }: RoleConfig): string[] {
  const key = form === 'keys' || form === 'key text' ? ` ${keyName.toUpperCase()}` : '';
  switch (behaviour) {
    case 'publish':
      return [
        `mq ${name}${key} 'a text'`,
        `mq ${name}${key} --file photo.jpg --property priority=5`,
        `mq ${name}${key} --lines --rate 100/s < orders.ndjson`,
      ];
    case 'request':
      return [`mq ${name}${key} 'a question'`, `mq ${name}${key} --lines --timeout 5s < questions.txt`];
    case 'consume':
    case 'reply':
      return [
        `mq ${name}${key} --exec ./handle.sh`,
        `mq ${name}${key} --handler handle.ts --metrics 9464`,
        `mq ${name}${key} --wait --exec-lines python3 handle.py`,
      ];
  }
}
