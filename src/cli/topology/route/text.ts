// Draws the route of a message as a tree: exchanges, bindings, queues, and where the queues dead-letter the message.

import { durationText } from '../../../config/duration.ts';
import { escaped } from '../../../errors.ts';
import { wrapped } from '../../../terminal/wrap.ts';
import type { Departure, RouteVisit } from '../../../topology/route.ts';
import type { TopologyBinding } from '../../../topology/topology.ts';
import type { RouteDocument } from './route-document.ts';

/** Returns the tree in lines of at most `width` columns, if no word is longer. */
export function textOf(document: RouteDocument, width: number): string {
  const { exchange, key, visits, against, vhost } = document;
  const tree = new Tree(document, width);
  tree.line(0, `${exchangeText(exchange, visits[0])}, ${keyText(key)}: ${escaped(against)}, vhost ${escaped(vhost)}`);
  tree.exchange(1, exchange, { visits, key });
  tree.line(0, '');
  tree.line(0, totalText(document));
  return tree.text;
}

/** The visits of one message: of the published one, or of a dead letter with another key. */
interface Leg {
  readonly visits: readonly RouteVisit[];
  readonly key: string;
}

class Tree {
  text = '';
  readonly #document: RouteDocument;
  readonly #width: number;
  /** The drawn departures. Dead letters with the same exchange and key have the same route. */
  readonly #drawn = new Set<string>();

  constructor(document: RouteDocument, width: number) {
    this.#document = document;
    this.#width = width;
  }

  line(depth: number, text: string): void {
    const indent = ' '.repeat(2 * depth);
    const lines = wrapped(text, { width: this.#width - indent.length, indent: 4 }).replaceAll('\n', `\n${indent}`);
    this.text += `${text === '' ? '' : indent}${lines}\n`;
  }

  /** Draws what leaves an exchange. */
  exchange(depth: number, name: string, leg: Leg, drawn = new Set<string>()): void {
    const visit = leg.visits.find(({ exchange }) => exchange === name);
    if (visit === undefined || drawn.has(name)) return;
    drawn.add(name);
    const { bindings, choice, alternate } = visit;
    const isChoice = choice === 'some' || (choice === 'one' && bindings.length > 1);
    if (isChoice) this.line(depth, choice === 'one' ? 'one of' : 'any of, because mq does not know this type');
    for (const binding of bindings) this.#binding(depth + Number(isChoice), { visit, binding, leg, drawn });
    if (alternate === undefined) {
      if (bindings.length === 0) this.line(depth, 'no binding matches');
      return;
    }
    const missing = alternate.exists ? '' : ', which does not exist';
    const why = choice === 'some' ? 'if no binding matches' : 'no binding matches';
    const next = leg.visits.find(({ exchange }) => exchange === alternate.exchange);
    const again = drawn.has(alternate.exchange) ? ' (shown above)' : '';
    this.line(depth, `${why}: alternate ${exchangeText(alternate.exchange, next)}${missing}${again}`);
    this.exchange(depth + 1, alternate.exchange, leg, drawn);
  }

  #binding(
    depth: number,
    { visit, binding, leg, drawn }: { visit: RouteVisit; binding: TopologyBinding; leg: Leg; drawn: Set<string> },
  ): void {
    const { destination, destinationType } = binding;
    const how = bindingText(binding, visit);
    if (destinationType === 'exchange') {
      const again = drawn.has(destination) ? ' (shown above)' : '';
      const next = leg.visits.find(({ exchange }) => exchange === destination);
      this.line(depth, `${how} -> ${exchangeText(destination, next)}${again}`);
      this.exchange(depth + 1, destination, leg, drawn);
      return;
    }
    const { isExclusive, isCycle } = this.#queue(destination, leg);
    const cycle = ' (again): dropped if no consumer has rejected it since';
    this.line(
      depth,
      `${how} -> queue ${escaped(destination)}${isExclusive ? ' (exclusive)' : ''}${isCycle ? cycle : ''}`,
    );
    if (!isCycle) this.#departure(depth + 1, destination, leg.key);
  }

  #queue(name: string, { visits }: Leg): { isExclusive: boolean; isCycle: boolean } {
    const letters = this.#document.departures.flatMap(({ deadLetter }) => deadLetter ?? []);
    const letter = letters.find((one) => one.visits === visits);
    const { isExclusive = false } = (letter ?? this.#document).queues.find((one) => one.name === name) ?? {};
    return { isExclusive, isCycle: letter?.queues.some((one) => one.name === name && one.isCycle) === true };
  }

  #departure(depth: number, queue: string, key: string): void {
    const found = this.#document.departures.find((one) => one.queue === queue && one.key === key);
    if (found === undefined) return;
    const { deadLetter } = found;
    const id = JSON.stringify([queue, deadLetter?.exchange, deadLetter?.key]);
    if (this.#drawn.has(id)) return;
    this.#drawn.add(id);
    const when = whenText(found);
    if (deadLetter === undefined) {
      this.line(depth, `${when}: dropped, because the queue has no dead-letter exchange`);
      return;
    }
    const { exchange, visits, queues } = deadLetter;
    const target = `${exchangeText(exchange, visits[0])}, ${keyText(deadLetter.key)}`;
    const lost = visits.length === 0 ? ', which does not exist: dropped' : queues.length === 0 ? ': dropped' : '';
    this.line(depth, `${when}: dead-lettered to ${target}${lost}`);
    this.exchange(depth + 1, exchange, deadLetter);
  }
}

function exchangeText(name: string, visit: RouteVisit | undefined): string {
  if (name === '') return 'the default exchange';
  return `exchange ${escaped(name)}${visit === undefined ? '' : ` (${escaped(visit.type)})`}`;
}

function keyText(key: string): string {
  return key === '' ? 'no key' : `key ${escaped(key)}`;
}

function bindingText({ key, arguments: all }: TopologyBinding, { type }: RouteVisit): string {
  if (type === 'headers') return escaped(JSON.stringify(all));
  if (type === 'fanout') return 'any key';
  return key === '' ? 'no key' : escaped(key);
}

/** Returns when a message leaves a queue other than by an acknowledgement. */
function whenText({ expiresAfterMs, hasMaxLength, deliveryLimit, deadLetter }: Departure): string {
  const parts = [
    ...(expiresAfterMs === undefined ? [] : [`after ${durationText(expiresAfterMs)}`]),
    ...(hasMaxLength ? ['when the queue is full'] : []),
    ...(deadLetter === undefined ? [] : ['when rejected']),
    ...(deliveryLimit === undefined ? [] : [`after more than ${deliveryLimit} returns`]),
  ];
  return parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} or ${parts.at(-1)}`;
}

function totalText({ queues, departures }: RouteDocument): string {
  if (queues.length === 0) return 'reaches no queue';
  const certain = queues.flatMap(({ name, isCertain }) => (isCertain ? [escaped(name)] : []));
  const possible = queues.flatMap(({ name, isCertain }) => (isCertain ? [] : [escaped(name)]));
  const reached = new Set(queues.map(({ name }) => name));
  const later = departures.flatMap(({ deadLetter }) => deadLetter?.queues ?? []).map(({ name }) => name);
  const dead = [...new Set(later)].filter((name) => !reached.has(name)).map(escaped);
  const parts = [
    ...(certain.length > 0 ? [`reaches ${certain.join(', ')}`] : []),
    ...(possible.length > 0 ? [`may reach ${possible.join(', ')}`] : []),
    ...(dead.length > 0 ? [`by dead-lettering ${dead.join(', ')}`] : []),
  ];
  return parts.join('; ');
}
