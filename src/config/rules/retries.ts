// Checks the references of retry settings, and the wait queues that the file defines.

import { isObject, membersOf, objectOf, type Plain, stringOf } from '../plain.ts';
import { type Path, quote } from '../reading/problem.ts';
import { expandRole, subscriptionNames } from '../role.ts';
import type { DefinedNames } from './defined-names.ts';
import { type Report, type RuleInput, unknownName } from './report.ts';

/** Checks the retry settings of the file, of its subscriptions and of its roles, and the wait queues of the file. */
export function checkRetries(input: RuleInput): void {
  const { file, names, report } = input;
  const mq = objectOf(file['mq']);
  checkRetry({ retry: mq['retry'], at: ['mq', 'retry'], vhost: undefined, names, report });
  checkCommonTarget(input);
  checkWaitQueues(file, report);
  for (const [name, own] of Object.entries(objectOf(mq['subscriptions']))) {
    const at = ['mq', 'subscriptions', name];
    if (!names.subscriptions.has(name)) report(at, 'reference', unknownName('subscription', name, names.subscriptions));
    const vhost = names.vhostOf.subscription.get(name);
    checkRetry({ retry: objectOf(own)['retry'], at: [...at, 'retry'], vhost, names, report });
  }
  for (const { name, retry, subscriptions } of rolesOf(mq)) {
    const vhosts = new Set(subscriptions.map((one) => names.vhostOf.subscription.get(one)));
    for (const vhost of vhosts.size === 0 ? [undefined] : vhosts)
      checkRetry({ retry, at: ['mq', 'roles', name, 'retry'], vhost, names, report });
  }
}

function rolesOf(mq: Plain): { name: string; retry: unknown; subscriptions: string[] }[] {
  return Object.entries(objectOf(mq['roles'])).map(([name, role]) => {
    const { retry, ...expanded } = expandRole(objectOf(role));
    return { name, retry, subscriptions: subscriptionNames(expanded) };
  });
}

/** Checks that the file's dead-letter target is in the vhost of every role without a target of its own. */
function checkCommonTarget({ file, names, report }: RuleInput): void {
  const mq = objectOf(file['mq']);
  const { publication, queue } = objectOf(objectOf(mq['retry'])['deadLetter']);
  const setsTarget = (retry: unknown) => retry === false || objectOf(retry)['deadLetter'] !== undefined;
  const isIn = (vhost: string) => {
    if (typeof queue === 'string') return names.vhosts.get(vhost)?.queues.has(queue) === true;
    const ofPublication = names.vhostOf.publication.get(stringOf(publication) ?? '');
    return ofPublication === undefined || ofPublication === vhost;
  };
  const path = ['mq', 'retry', 'deadLetter', typeof queue === 'string' ? 'queue' : 'publication'];
  for (const { name, retry, subscriptions } of rolesOf(mq)) {
    for (const subscription of subscriptions) {
      const vhost = names.vhostOf.subscription.get(subscription);
      const own = objectOf(objectOf(mq['subscriptions'])[subscription]);
      if (vhost === undefined || setsTarget(retry) || setsTarget(own['retry']) || isIn(vhost)) continue;
      report(path, 'value', `is not in the vhost ${quote(vhost)} of the role ${quote(name)}`);
    }
  }
}

/** Checks that a wait queue in the file returns messages to its work queue after the time in its name. */
function checkWaitQueues(file: Plain, report: Report): void {
  for (const [vhost, value] of Object.entries(objectOf(file['vhosts']))) {
    const members = membersOf(objectOf(value)['queues']);
    const names = new Set(members.map(({ name }) => name));
    for (const { key, name = '', value: queue } of members) {
      const [, work = '', delay = ''] = /^(.*)\.retry\.(\d+)$/.exec(name) ?? [];
      if (work === '' || !names.has(work) || returnsTo(queue, work, Number(delay))) continue;
      const needed = `x-message-ttl ${delay}, x-dead-letter-exchange "" and x-dead-letter-routing-key ${quote(work)}`;
      report(['vhosts', vhost, 'queues', key], 'value', `a wait queue of ${quote(work)} requires ${needed}`);
    }
  }
}

function returnsTo(queue: Plain, work: string, delayMs: number): boolean {
  const options = objectOf(queue['options']);
  const given = objectOf(options['arguments']);
  const setting = (option: string, argument: string) => options[option] ?? given[argument];
  return (
    setting('deadLetterExchange', 'x-dead-letter-exchange') === '' &&
    setting('deadLetterRoutingKey', 'x-dead-letter-routing-key') === work &&
    setting('messageTtl', 'x-message-ttl') === delayMs
  );
}

interface RetryCheck {
  readonly retry: unknown;
  readonly at: Path;
  /** Vhost of the subscription. If it is `undefined`, a target in any vhost is accepted. */
  readonly vhost: string | undefined;
  readonly names: DefinedNames;
  readonly report: Report;
}

function checkRetry({ retry, at, vhost, names, report }: RetryCheck): void {
  if (retry === true) report(at, 'value', 'must be an object or false');
  const { deadLetter } = objectOf(retry);
  const where = [...at, 'deadLetter'];
  if (deadLetter === true) report(where, 'value', 'must be an object or false');
  if (!isObject(deadLetter)) return;
  const { publication, queue } = deadLetter;
  if (publication === undefined && queue === undefined) report(where, 'missing', 'requires a publication or a queue');
  if (publication !== undefined && queue !== undefined)
    report(where, 'value', 'sets both a publication and a queue; keep one');
  if (typeof publication === 'string') {
    const target = names.vhostOf.publication.get(publication);
    if (!names.publications.has(publication)) {
      report([...where, 'publication'], 'reference', unknownName('publication', publication, names.publications));
    } else if (vhost !== undefined && target !== undefined && target !== vhost) {
      const message = `is in the vhost ${quote(target)}, but the subscription is in ${quote(vhost)}`;
      report([...where, 'publication'], 'value', message);
    }
  }
  if (typeof queue === 'string') {
    const vhosts = vhost === undefined ? [...names.vhosts.values()] : [names.vhosts.get(vhost)];
    const queues = vhosts.flatMap((one) => [...(one?.queues ?? [])]);
    if (!queues.includes(queue)) report([...where, 'queue'], 'reference', unknownName('queue', queue, queues));
  }
}
