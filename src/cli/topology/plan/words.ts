// Describes the parts of a plan in words, for text and Markdown.

import type { Difference, Others, PolicyRisk, Risk } from '../../../topology/difference.ts';
import { bindingText, counted, type Format } from '../../../topology/object-text.ts';
import type { TopologyBinding, TopologyPolicy, TopologyQueue } from '../../../topology/topology.ts';
import type { MergedVhost, Plan } from './plan-document.ts';

/** Returns the value of an attribute as JSON without the quotes of a text. `null` is `none`. */
export function valueText(value: unknown): string {
  if (value === null || value === undefined) return 'none';
  return typeof value === 'string' && value !== '' ? value : JSON.stringify(value);
}

/**
 * Returns `type quorum, x-message-ttl 60000` for an object that does not exist. Returns an empty text for the queues of
 * failed messages, because the user does not choose their arguments.
 */
export function propertiesText(one: Difference, format: Format): string {
  if (one.kind === 'queue' && one.for !== undefined) return '';
  return one.attributes.map(({ attribute, wanted }) => format(`${attribute} ${valueText(wanted)}`)).join(', ');
}

/** Returns what a replacement or deletion affects, without a full stop. */
export function riskText(risk: Risk, { action, kind }: Pick<Difference, 'action' | 'kind'>, format: Format): string {
  const { otherBindings } = risk;
  const counts = countsText(risk);
  if (action === 'delete') {
    const what = otherBindings.length === 0 ? 'it has no binding' : `it has ${bindingsText(otherBindings, format)}`;
    return kind === 'exchange' ? `${what}; publishing to it then fails` : `${counts ?? unknownCounts}; ${what}`;
  }
  const other = `${counted(otherBindings.length, 'binding')} that rascal.json does not define`;
  if (kind === 'exchange')
    return `its bindings are deleted with it, ${other} among them; publishing to it fails while it does not exist`;
  const known = counts === undefined ? `${unknownCounts}; the queue` : `${counts}, and`;
  return `${known} has ${other}; while it does not exist, a mandatory message to it by name is returned, and others are dropped`;
}

const unknownCounts = 'its messages and consumers are not known';

function countsText({ messages, unacknowledged = 0, consumers }: Risk): string | undefined {
  if (messages === undefined || consumers === undefined) return undefined;
  const held = unacknowledged > 0 ? ` (${unacknowledged} unacknowledged)` : '';
  return `the queue had ${counted(messages, 'message')}${held} and ${counted(consumers, 'consumer')} at the last count`;
}

/** Maximum number of bindings in the text of a risk. `--json` contains all of them. */
const mostBindings = 3;

function bindingsText(bindings: readonly TopologyBinding[], format: Format): string {
  const more = bindings.length - mostBindings;
  const shown = bindings.slice(0, mostBindings).map((one) => bindingText(one, format));
  const count = counted(bindings.length, 'binding');
  return `${count} that ${bindings.length === 1 ? 'is' : 'are'} deleted with it: ${shown.join(', ')}${more > 0 ? `, and ${more} more` : ''}`;
}

/** Returns how long a replaced queue does not exist, without a full stop. */
export function gapText(typicalMs: number): string {
  return `typically ${typicalMs} ms to delete, declare and bind a queue of this type, and longer on a busy broker`;
}

/** Reports whether an object is changed through the management API and not by a declaration. */
export function isPolicy(kind: Difference['kind']): boolean {
  return kind === 'policy' || kind === 'operator-policy';
}

/** Returns what a policy affects, without a full stop. */
export function policyRiskText({ queues, otherQueues, messages, removing }: PolicyRisk): string {
  const others = otherQueues === 0 ? '' : ` (${otherQueues} of them not in rascal.json)`;
  const removal =
    removing.length === 0 ? '' : `; RabbitMQ may remove messages or queues because of ${removing.join(', ')}`;
  return `it matches ${counted(queues, 'queue')}${others} with ${counted(messages, 'message')} at the last count${removal}`;
}

/** Returns `"mq":{"policies":{"/": {"orders": {…}}}}` with the policy that makes a replacement unnecessary. */
export function policyJson(vhost: string, { name, priority, ...policy }: TopologyPolicy): string {
  const written = priority === 0 ? policy : { ...policy, priority };
  return `"mq":${JSON.stringify({ policies: { [vhost]: { [name]: written } } })}`;
}

/** Returns how the policy is used instead of a replacement. */
export function policyAdvice({ attributes }: Pick<Difference, 'attributes'>): string {
  const names = (isSet: boolean) =>
    attributes.filter(({ found }) => (found !== null) === isSet).map(({ attribute }) => attribute);
  const [removed, kept] = [names(false), names(true)];
  return [
    ...(removed.length > 0 ? [`remove ${removed.join(', ')} from rascal.json`] : []),
    ...(kept.length > 0 ? [`keep the broker's value of ${kept.join(', ')} in rascal.json`] : []),
  ].join(', ');
}

/** Returns what a plan over AMQP does not contain, without a full stop. */
export function notComparedText(parts: readonly string[]): string {
  return `not compared, because AMQP does not show it: ${parts.join(', ')}`;
}

/** Returns a sentence about vhosts of the file that are one vhost on the broker, without a full stop. */
export function mergedText({ vhost, names }: MergedVhost, format: Format): string {
  const all = names.map(format);
  return `the vhosts ${all.slice(0, -1).join(', ')} and ${all.at(-1)} of rascal.json are one vhost on the broker, ${format(vhost)}, because their address names it`;
}

/** Returns what an interrupted replacement has left, without a full stop. */
export function unfinishedText({ queue, holding }: Plan['unfinished'][number], format: Format): string {
  return `the replacement of the queue ${format(queue)} was interrupted; its messages are in ${format(holding)}, and ${format(`mq apply --replace ${queue}`)} finishes it`;
}

/** Returns `1 to create, 2 to replace`, or `nothing to do`. */
export function totalsText(plan: Plan): string {
  const { source, create, update, replace, blocked, delete: deleted, unfinished } = plan;
  const parts = [
    ...(create > 0 ? [`${create} to create`] : []),
    ...(update > 0 ? [`${update} to update`] : []),
    ...(replace > 0 ? [`${replace} to replace`] : []),
    ...(blocked > 0 ? [`${blocked} blocked`] : []),
    ...(deleted > 0 ? [`${deleted} to delete`] : []),
    ...(unfinished.length > 0 ? [`${unfinished.length} to finish`] : []),
  ];
  if (parts.length > 0) return parts.join(', ');
  return source === 'amqp' ? 'no exchange or queue is missing' : 'nothing to do';
}

/** Returns `2 queues, 1 policy` for what only the broker has, or an empty string. */
export function othersText(all: readonly Others[]): string {
  const kinds = [
    ['exchanges', 'exchange'],
    ['queues', 'queue'],
    ['bindings', 'binding'],
    ['policies', 'policy'],
  ] as const;
  return kinds
    .flatMap(([list, word]) => {
      const count = all.reduce((sum, one) => sum + one[list].length, 0);
      return count === 0 ? [] : [counted(count, word)];
    })
    .join(', ');
}

/**
 * Returns a line for each object that only the broker has. Those that affect queues of rascal.json are first. Omits
 * exclusive queues whose names the broker chose, and their bindings, because these end with a connection.
 */
export function otherLines({ exchanges, queues, bindings, policies }: Others, format: Format): string[] {
  const temporary = new Set(queues.filter(isTemporary).map(({ name }) => name));
  const lasting = bindings.filter((one) => one.destinationType !== 'queue' || !temporary.has(one.destination));
  const routes = lasting.toSorted((one, other) => Number(other.isBetweenOwn) - Number(one.isBetweenOwn));
  return [
    ...routes.map((one) => {
      const more = one.isBetweenOwn ? ', between objects of rascal.json' : '';
      return `binding ${bindingText(one, format)}${more}`;
    }),
    ...exchanges.map(({ name, type }) => `exchange ${format(name)} (${format(type)})`),
    ...queues
      .filter((one) => !isTemporary(one))
      .map(({ name, type = 'classic', exclusive }) => {
        return `queue ${format(name)} (${format(type)}${exclusive ? ', exclusive' : ''})`;
      }),
    ...policies.map(({ name, pattern, applyTo }) => `policy ${format(name)} (${format(pattern)}, ${format(applyTo)})`),
  ];
}

function isTemporary({ name, exclusive }: TopologyQueue): boolean {
  return exclusive && name.startsWith('amq.gen-');
}
