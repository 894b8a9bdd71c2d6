// Manages the streams that the page watches, each with an exchange and a pattern. A refused subscription ends the
// connection of all streams. Therefore the page first asks mq web whether the exchange exists. It repeats the question,
// because the exchange may be created later. A stream that affects other clients needs the consent of the user.

import type { IMessage } from '@stomp/stompjs';
import type { Catalog, Stream } from '../catalog.ts';
import type { TapEffects } from '../tap-effects.ts';
import { ask } from './ask.ts';
import type { Connection } from './connection.ts';
import { byId, element, field, formById, setText } from './dom.ts';
import { exchangeAt, oneLine } from './text.ts';

interface WatchedStream {
  readonly colour: number;
  isShown: boolean;
}

interface Watched extends WatchedStream, Stream {
  readonly item: HTMLLIElement;
  readonly counter: HTMLElement;
  readonly note: HTMLElement;
  /** `true` if watching affects no other client, or if the user accepts that it does. */
  isAccepted: boolean;
  count: number;
  /** `true` while the broker has not answered the subscription. */
  isPending: boolean;
  /** `true` if it is subscribed on this connection, even if the broker has not answered yet. */
  isSubscribed: boolean;
  pauseMs: number;
  timer: number | undefined;
  stop: () => void;
}

interface StreamEvents {
  readonly onMessage: (stream: WatchedStream, message: IMessage) => void;
  readonly onShown: () => void;
}

const colours = 6;
const firstPauseMs = 1000;
const longestPauseMs = 60_000;
const most = 48;
const countMs = 200;

const hints: Readonly<Record<string, string>> = {
  fanout: 'A fanout exchange sends every message. It ignores the pattern.',
  direct: 'Routing keys, separated by spaces: info warning error',
  topic: '* is one word, # is zero or more: kern.* or #.critical',
  headers: 'Leave the pattern empty to receive every message.',
};

export class Streams {
  readonly #connection: Connection;
  readonly #catalog: Catalog;
  readonly #events: StreamEvents;
  readonly #list = byId('streams');
  readonly #watched: Watched[] = [];
  /** Streams of rascal.json that are not watched. */
  #offers: { readonly take: () => void }[] = [];

  constructor(connection: Connection, catalog: Catalog, events: StreamEvents) {
    this.#connection = connection;
    this.#catalog = catalog;
    this.#events = events;
    for (const stream of catalog.streams) this.#offer(stream);
    byId('watch-all').addEventListener('click', () => {
      for (const offer of [...this.#offers]) offer.take();
      // The button is hidden now, so the focus must move to another element of the section.
      this.#list.querySelector<HTMLElement>('.show')?.focus();
    });
    this.#showWarning();
    this.#form();
    setInterval(() => {
      for (const { counter, count } of this.#watched) setText(counter, count.toLocaleString('en'));
    }, countMs);
  }

  isWatched(exchange: string): boolean {
    return this.#watched.some((one) => one.exchange === exchange && one.isSubscribed && !one.isPending);
  }

  /** Subscribes to all streams after each connect. */
  subscribeAll(): void {
    for (const watched of this.#watched) this.#check(watched);
  }

  /**
   * Handles a refused subscription, after which the broker ends the connection. The broker answers in order, so the
   * first unanswered stream is the refused one.
   */
  refused(reason: string): void {
    const refused = this.#watched.find(({ isPending }) => isPending);
    if (refused) this.#retryLater(refused, reason);
  }

  /** Resets all streams after the connection is lost. */
  lost(): void {
    for (const watched of this.#watched) {
      watched.isPending = false;
      watched.isSubscribed = false;
      watched.stop = () => undefined;
      showBusy(watched, true);
    }
  }

  /** Tries a stream again later, after mq web has reported that the exchange exists. */
  #retryLater(watched: Watched, reason: string): void {
    watched.pauseMs = Math.min(longestPauseMs, Math.max(firstPauseMs, watched.pauseMs * 2));
    setText(watched.note, oneLine(reason, 160));
    clearTimeout(watched.timer);
    watched.timer = setTimeout(() => {
      watched.timer = undefined;
      this.#check(watched);
    }, watched.pauseMs);
  }

  #check(watched: Watched): void {
    if (!this.#connection.isConnected || watched.timer !== undefined || watched.isSubscribed) return;
    void effectsOf(watched).then((effects) => {
      // Two requests may be pending, from before and after a reconnect.
      if (!this.#watched.includes(watched) || watched.timer !== undefined || watched.isSubscribed) return;
      if (effects === undefined) this.#retryLater(watched, `there is no exchange '${watched.exchange}'`);
      else if (effects.refusal !== undefined) setText(watched.note, effects.refusal);
      else if (watched.isAccepted || effects.warnings.length === 0) this.#subscribe(watched);
      else this.#ask(watched, effects.warnings);
    });
  }

  /** Shows the effects, and watches when the user accepts them. */
  #ask(watched: Watched, warnings: readonly string[]): void {
    const accept = element('button', { type: 'button', class: 'accept' }, 'Watch anyway');
    accept.addEventListener('click', () => {
      watched.isAccepted = true;
      watched.note.replaceChildren();
      this.#check(watched);
      // The focus must stay in the list.
      watched.item.querySelector<HTMLElement>('.show')?.focus();
    });
    watched.note.replaceChildren(`${warnings.map((one) => oneLine(one, 300)).join('; ')} `, accept);
  }

  #subscribe(watched: Watched): void {
    if (!this.#connection.isConnected || watched.isSubscribed) return;
    watched.isAccepted = true;
    watched.isSubscribed = true;
    watched.isPending = true;
    watched.stop = this.#connection.subscribe(
      exchangeAt(watched.exchange, watched.key),
      (message) => {
        watched.count += 1;
        this.#events.onMessage(watched, message);
      },
      () => {
        watched.isPending = false;
        watched.pauseMs = 0;
        setText(watched.note, '');
        showBusy(watched, false);
      },
    );
  }

  /** Offers a stream until it is watched. Watching declares a queue on the broker, so it requires a click. */
  #offer(stream: Stream): void {
    const watch = element('button', { type: 'button' }, `Watch ${oneLine(nameOf(stream), 80)}`);
    const item = element('li', { 'data-colour': this.#colourOf(stream.exchange) }, watch);
    const take = () => {
      item.remove();
      this.#offers = this.#offers.filter((one) => one !== offer);
      this.#add(stream);
    };
    const offer = { take };
    watch.addEventListener('click', () => {
      take();
      // The focus must stay in the list.
      this.#list.querySelector<HTMLElement>('li:last-child .show')?.focus();
    });
    this.#offers.push(offer);
    byId('suggestions').append(item);
    this.#showWarning();
  }

  #showWarning(): void {
    const names = [...new Set(this.#watched.map(({ exchange }) => oneLine(exchange, 60)))];
    const effect =
      'Messages that no other queue receives then count as routed: they are not returned to their publishers, and do not go to an alternate exchange.';
    const place = byId('tap');
    place.dataset['active'] = String(names.length > 0);
    const now = `While this page watches ${names.join(', ')}, a queue of this page is bound there.`;
    setText(place, `${names.length > 0 ? now : 'Watching binds a queue of this page to the exchange.'} ${effect}`);
    byId('offers').hidden = this.#offers.length === 0;
  }

  #colourOf(exchange: string): number {
    const known = this.#catalog.exchanges.findIndex(({ name }) => name === exchange);
    return (known === -1 ? this.#catalog.exchanges.length : known) % colours;
  }

  #add(stream: Stream): void {
    if (this.#watched.some((one) => isSame(one, stream))) return;
    const colour = this.#colourOf(stream.exchange);
    const parts = partsOf(stream, colour);
    const watched: Watched = {
      ...stream,
      ...parts,
      colour,
      isShown: true,
      isAccepted: false,
      count: 0,
      isPending: false,
      isSubscribed: false,
      pauseMs: 0,
      timer: undefined,
      stop: () => undefined,
    };
    const { show, remove } = parts;
    show.addEventListener('click', () => {
      watched.isShown = !watched.isShown;
      show.setAttribute('aria-pressed', String(watched.isShown));
      this.#events.onShown();
    });
    remove.addEventListener('click', () => this.#remove(watched));
    this.#watched.push(watched);
    this.#list.append(watched.item);
    this.#showWarning();
    this.#check(watched);
  }

  #remove(watched: Watched): void {
    const { item, exchange, key } = watched;
    const next = (item.nextElementSibling ?? item.previousElementSibling)?.querySelector<HTMLElement>('.remove');
    clearTimeout(watched.timer);
    watched.stop();
    this.#watched.splice(this.#watched.indexOf(watched), 1);
    item.remove();
    if (this.#catalog.streams.some((one) => isSame(one, watched))) this.#offer({ exchange, key });
    this.#showWarning();
    // The focus must stay in the list.
    (next ?? field(formById('watch'), 'exchange')).focus();
  }

  #form(): void {
    const form = formById('watch');
    const [exchange, pattern] = [field(form, 'exchange'), field(form, 'pattern')];
    const names = this.#catalog.exchanges.map(({ name, type }) => element('option', { value: name }, type));
    byId('exchange-names').append(...names);
    const typeOf = () => this.#catalog.exchanges.find(({ name }) => name === exchange.value)?.type ?? '';
    const hint = () => setText(byId('pattern-hint'), hints[typeOf()] ?? '');
    exchange.addEventListener('input', hint);
    exchange.value =
      this.#catalog.exchanges.find(({ type }) => type === 'topic')?.name ?? this.#catalog.exchanges[0]?.name ?? '';
    hint();
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      const typed = pattern.value.trim();
      // Spaces always separate keys, because a space inside a key cannot be distinguished from a separator.
      const keys = typed === '' ? [typeOf() === 'topic' ? '#' : ''] : typed.split(/\s+/);
      for (const key of keys) if (this.#watched.length < most) this.#add({ exchange: exchange.value, key });
      pattern.value = '';
    });
  }
}

/**
 * Asks mq web for the effects of watching the stream. An accepted stream has none. Returns `undefined` if the exchange
 * does not exist or mq web does not answer.
 */
async function effectsOf({ exchange, key, isAccepted }: Watched): Promise<TapEffects | undefined> {
  const query = new URLSearchParams({ name: exchange, ...(!isAccepted && { key }) });
  const answer = await ask(`/api/exchange?${query}`);
  return answer?.status === 200 ? JSON.parse(answer.text) : undefined;
}

/** Creates the list item of a stream, with its buttons. */
function partsOf(stream: Stream, colour: number) {
  const name = oneLine(nameOf(stream), 80);
  const counter = element('span', { class: 'count' }, '0');
  const note = element('span', { class: 'note' });
  const pressed = { 'aria-pressed': 'true', title: 'show or hide' };
  const show = element('button', { type: 'button', class: 'show', ...pressed }, name, ' ', counter);
  const remove = element('button', { type: 'button', class: 'remove', 'aria-label': `Stop ${name}` }, '×');
  const item = element('li', { 'data-colour': colour, 'aria-busy': 'true' }, show, remove, note);
  return { item, show, remove, counter, note };
}

function isSame(one: Stream, other: Stream): boolean {
  return one.exchange === other.exchange && one.key === other.key;
}

function nameOf({ exchange, key }: Stream): string {
  return key === '' ? exchange : `${exchange} ${key}`;
}

/** Shows whether the broker has bound the stream. Messages that are published before that do not reach the page. */
function showBusy({ item }: Watched, isBusy: boolean): void {
  item.setAttribute('aria-busy', String(isBusy));
}
