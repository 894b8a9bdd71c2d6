// Checks the references of retry settings, and the wait queues that the file defines.

import { isObject, membersOf, objectOf, type Plain, stringOf } from '../plain.ts';
import { didYouMean, type Path, quote } from '../reading/problem.ts';
import { expandRole, subscriptionNames } from '../role.ts';
import type { DefinedNames } from './defined-names.ts';
import type { Report } from './references.ts';

export function checkRetries({ file, known, report }: { file: Plain; known: DefinedNames; report: Report }): void {
  const mq = objectOf(file['mq']);
  const vhostOf = (subscription: unknown) => known.vhostOf.subscription.get(stringOf(subscription) ?? '');
  checkRetry({ retry: mq['retry'], at: ['mq', 'retry'], known, report, vhost: undefined });
  checkCommon({ mq, known, report, vhostOf });
  checkWaits(file, report);
  for (const [name, own] of Object.entries(objectOf(mq['subscriptions']))) {
    const at = ['mq', 'subscriptions', name];
    if (!known.subscriptions.has(name)) {
      report(at, 'reference', `unknown subscription ${quote(name)}${didYouMean(name, [...known.subscriptions])}`);
    }
    checkRetry({ retry: objectOf(own)['retry'], at: [...at, 'retry'], known, report, vhost: vhostOf(name) });
  }
  for (const [name, role] of Object.entries(objectOf(mq['roles']))) {
    const { retry, ...expanded } = expandRole(objectOf(role));
    const vhosts = new Set(subscriptionNames(expanded).map(vhostOf));
    for (const vhost of vhosts.size === 0 ? [undefined] : vhosts)
      checkRetry({ retry, at: ['mq', 'roles', name, 'retry'], known, report, vhost });
  }
}

interface CommonCheck {
  mq: Plain;
  known: DefinedNames;
  report: Report;
  vhostOf: (subscription: unknown) => string | undefined;
}

/** Checks that the file's dead-letter target is in the vhost of every role without a target of its own. */
function checkCommon({ mq, known, report, vhostOf }: CommonCheck): void {
  const { publication, queue } = objectOf(objectOf(mq['retry'])['deadLetter']);
  const says = (own: unknown) => own === false || objectOf(own)['deadLetter'] !== undefined;
  for (const [name, role] of Object.entries(objectOf(mq['roles']))) {
    const { retry, ...expanded } = expandRole(objectOf(role));
    for (const subscription of subscriptionNames(expanded)) {
      const vhost = vhostOf(subscription);
      const own = objectOf(objectOf(mq['subscriptions'])[subscription]);
      if (vhost === undefined || says(retry) || says(own['retry'])) continue;
      const its = known.vhostOf.publication.get(stringOf(publication) ?? '');
      const isElsewhere =
        typeof queue === 'string' ? !known.vhosts.get(vhost)?.queues.has(queue) : its !== undefined && its !== vhost;
      const field = typeof queue === 'string' ? 'queue' : 'publication';
      if (isElsewhere)
        report(
          ['mq', 'retry', 'deadLetter', field],
          'value',
          `is not in the vhost ${quote(vhost)} of the role ${quote(name)}`,
        );
    }
  }
}

/** Checks that a wait queue in the file returns messages to its work queue after the time in its name. */
function checkWaits(file: Plain, report: Report): void {
  for (const [vhost, value] of Object.entries(objectOf(file['vhosts']))) {
    const members = membersOf(objectOf(value)['queues']);
    const names = new Set(members.map(({ name }) => name));
    for (const { key, name = '', value: queue } of members) {
      const [, work = '', delay = ''] = /^(.*)\.retry\.(\d+)$/.exec(name) ?? [];
      if (work === '' || !names.has(work)) continue;
      const options = objectOf(queue['options']);
      const given = objectOf(options['arguments']);
      const is = (argument: string, short: string) => given[argument] ?? options[short];
      const leadsBack =
        is('x-dead-letter-exchange', 'deadLetterExchange') === '' &&
        is('x-dead-letter-routing-key', 'deadLetterRoutingKey') === work &&
        is('x-message-ttl', 'messageTtl') === Number(delay);
      if (leadsBack) continue;
      const want = `x-message-ttl ${delay}, x-dead-letter-exchange "" and x-dead-letter-routing-key ${quote(work)}`;
      report(['vhosts', vhost, 'queues', key], 'value', `a wait queue of ${quote(work)} needs ${want}`);
    }
  }
}

interface RetryCheck {
  retry: unknown;
  at: Path;
  known: DefinedNames;
  report: Report;
  /** Vhost of the subscription. `undefined` accepts any vhost. */
  vhost: string | undefined;
}

function checkRetry({ retry, at, known, report, vhost }: RetryCheck): void {
  if (retry === true) report(at, 'value', 'must be an object, or false');
  const { deadLetter } = objectOf(retry);
  const where = [...at, 'deadLetter'];
  if (deadLetter === true) report(where, 'value', 'must be an object, or false');
  if (!isObject(deadLetter)) return;
  const ways = Object.keys(deadLetter).filter((key) => key === 'publication' || key === 'queue');
  if (ways.length === 0) report(where, 'missing', 'needs a publication or a queue');
  if (ways.length > 1) report(where, 'value', 'has a publication and a queue: one of them');
  const { publication, queue } = deadLetter;
  if (typeof publication === 'string') {
    const names = [...known.publications];
    const its = known.vhostOf.publication.get(publication);
    if (!known.publications.has(publication)) {
      report(
        [...where, 'publication'],
        'reference',
        `unknown publication ${quote(publication)}${didYouMean(publication, names)}`,
      );
    } else if (vhost !== undefined && its !== undefined && its !== vhost) {
      report([...where, 'publication'], 'value', `is of the vhost ${quote(its)}, the subscription of ${quote(vhost)}`);
    }
  }
  if (typeof queue === 'string') {
    const vhosts = vhost === undefined ? [...known.vhosts.values()] : [known.vhosts.get(vhost)];
    const names = vhosts.flatMap((one) => [...(one?.queues ?? [])]);
    if (!names.includes(queue))
      report([...where, 'queue'], 'reference', `unknown queue ${quote(queue)}${didYouMean(queue, names)}`);
  }
}
