// Checks the delays of publications, the names that delays use, and the settings of publications that a delay cannot keep.

import { containsDecimal } from '../../delay/decimal.ts';
import { lostOptions } from '../../delay/lost-options.ts';
import { defaultDelayName, isOfDelays } from '../../delay/objects.ts';
import { membersOf, objectOf } from '../plain.ts';
import { quote } from '../reading/problem.ts';
import { expandRole } from '../role.ts';
import { type Report, type RuleInput, scopesOf, unknownName } from './report.ts';

/** Checks `mq.publications`, and the roles and dead-letter targets that use a publication with a fixed delay. */
export function checkDelays(input: RuleInput): void {
  const { file, names, report } = input;
  const mq = objectOf(file['mq']);
  const fixed = new Set<string>();
  for (const [name, own] of Object.entries(objectOf(mq['publications']))) {
    const at = ['mq', 'publications', name];
    if (!names.publications.has(name)) report(at, 'reference', unknownName('publication', name, names.publications));
    const { delay } = objectOf(own);
    if (delay === undefined || delay === false) continue;
    if (typeof delay === 'number') fixed.add(name);
    checkOptions(input, name);
  }
  for (const [name, role] of Object.entries(objectOf(mq['roles']))) {
    const { behaviour, publication } = expandRole(objectOf(role));
    if (behaviour === 'request' && fixed.has(String(publication)))
      report(['mq', 'roles', name], 'value', `requests are not delayed, and ${quote(String(publication))} has a delay`);
  }
  checkTargets(mq, fixed, report);
  checkNames(input, mq['delay'] ?? defaultDelayName);
}

/** Reports an empty name, and queues of the file that cannot be those of delayed messages but have their names. */
function checkNames({ file, report }: RuleInput, name: unknown): void {
  if (name === '') report(['mq', 'delay'], 'value', 'is empty; the default is mq.delay');
  if (typeof name !== 'string' || name === '') return;
  for (const [vhost, value] of Object.entries(objectOf(file['vhosts'])))
    for (const own of membersOf(objectOf(value)['queues'])) {
      const type = objectOf(objectOf(own.value['options'])['arguments'])['x-queue-type'];
      if (type === 'quorum' || own.name === undefined || !isOfDelays(name, own.name)) continue;
      report(
        ['vhosts', vhost, 'queues', own.key],
        'value',
        'has the name of a quorum queue for delayed messages (mq.delay)',
      );
    }
}

/** Reports options that do not survive a delay. */
function checkOptions({ file, report }: RuleInput, name: string): void {
  for (const { value, path } of scopesOf(file)) {
    const options = objectOf(objectOf(objectOf(value['publications'])[name])['options']);
    for (const option of lostOptions(options))
      report([...path, 'publications', name, 'options', ...option], 'value', 'is not possible with a delay');
    for (const [header, own] of Object.entries(objectOf(options['headers'])))
      if (containsDecimal(own))
        report([...path, 'publications', name, 'options', 'headers', header], 'value', 'a decimal cannot be delayed');
  }
}

/** Reports dead-letter targets with a fixed delay, because mq does not delay dead letters. */
function checkTargets(mq: Readonly<Record<string, unknown>>, fixed: ReadonlySet<string>, report: Report): void {
  const settings = [
    [['mq'], mq] as const,
    ...['subscriptions', 'roles'].flatMap((kind) =>
      Object.entries(objectOf(mq[kind])).map(([name, own]) => [['mq', kind, name], objectOf(own)] as const),
    ),
  ];
  for (const [at, own] of settings) {
    const { publication } = objectOf(objectOf(own['retry'])['deadLetter']);
    if (fixed.has(String(publication)))
      report([...at, 'retry', 'deadLetter', 'publication'], 'value', 'has a delay, and dead letters are not delayed');
  }
}
