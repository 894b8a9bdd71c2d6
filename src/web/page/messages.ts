// Shows the list of messages: the newest first, limited to the last 200. It is drawn at most ten times a second,
// however many messages arrive.

import { byId, checked, element, setText } from './dom.ts';
import { bodyOf, oneLine, originOf, visible } from './text.ts';

/** A received message. */
interface Arrived {
  /** Colour of the stream, and whether its messages are shown. */
  readonly stream: { readonly colour: number; isShown: boolean };
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly at: Date;
}

const most = 200;
const drawMs = 100;
const announceMs = 5000;

interface Row {
  readonly arrived: Arrived;
  readonly text: string;
  readonly line: HTMLLIElement;
}

export class Messages {
  readonly #list = byId('messages');
  /** Messages that are not drawn yet. */
  #fresh: Arrived[] = [];
  #rows: Row[] = [];
  #timer: number | undefined;
  #isPaused = false;
  #total = 0;
  #announced = 0;
  #filter = '';

  constructor() {
    const pause = byId('pause');
    pause.addEventListener('click', () => {
      this.#isPaused = !this.#isPaused;
      pause.setAttribute('aria-pressed', String(this.#isPaused));
      setText(pause, this.#isPaused ? 'Resume' : 'Pause');
      this.#draw();
    });
    byId('clear').addEventListener('click', () => {
      this.#fresh = [];
      this.#rows = [];
      this.#list.replaceChildren();
      this.#showKept();
    });
    const filter = checked(byId('filter'), HTMLInputElement, '#filter');
    filter.addEventListener('input', () => {
      this.#filter = filter.value.toLowerCase();
      this.show();
    });
    // Screen readers announce the number of new messages, and not each message.
    setInterval(() => {
      const news = this.#total - this.#announced;
      this.#announced = this.#total;
      byId('arrived').textContent = news > 0 ? `${news} new ${news === 1 ? 'message' : 'messages'}` : '';
    }, announceMs);
    this.#showKept();
  }

  add(arrived: Arrived): void {
    this.#total += 1;
    this.#fresh.push(arrived);
    if (this.#fresh.length > 2 * most) this.#fresh = this.#fresh.slice(-most);
    this.#timer ??= setTimeout(() => this.#draw(), drawMs);
  }

  /** Updates the list after a stream was shown or hidden. */
  show(): void {
    for (const { arrived, text, line } of this.#rows)
      line.hidden = !arrived.stream.isShown || !text.includes(this.#filter);
    this.#showKept();
  }

  #draw(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#isPaused) {
      this.#showKept();
      return;
    }
    const rows = this.#fresh.slice(-most).map(rowOf);
    this.#fresh = [];
    this.#list.prepend(...rows.map(({ line }) => line).reverse());
    this.#rows.push(...rows);
    for (const { line } of this.#rows.slice(0, -most)) line.remove();
    this.#rows = this.#rows.slice(-most);
    this.show();
  }

  #showKept(): void {
    const waiting = this.#isPaused ? `; ${this.#fresh.length} wait` : '';
    const hidden = this.#rows.filter(({ line }) => line.hidden).length;
    const shown = this.#rows.length - hidden;
    byId('kept').textContent = `${shown} of the last ${this.#rows.length} messages (${most} are kept)${waiting}`;
    byId('empty').hidden = this.#rows.length > 0;
  }
}

function rowOf(arrived: Arrived): Row {
  const { stream, headers, at } = arrived;
  const { exchange, key } = originOf(headers['destination'] ?? '');
  const cut = Number(headers['mq-body-bytes']);
  const body = bodyOf(arrived.body, cut > 0 ? cut : arrived.body.length);
  const summary = element(
    'summary',
    {},
    element('time', { datetime: at.toISOString() }, at.toTimeString().slice(0, 8)),
    element('span', { class: 'from' }, oneLine(exchange || '(default)', 60)),
    element('span', { class: 'key' }, oneLine(key, 80)),
    element('span', { class: `body ${body.kind}` }, body.short || '(empty)'),
  );
  const details = element('details', {}, summary);
  // Details are rendered only when they are opened.
  details.addEventListener('toggle', () => {
    if (details.open && details.childElementCount === 1) details.append(wholeOf(headers, body));
  });
  const line = element('li', { 'data-colour': stream.colour }, details);
  return { arrived, text: `${exchange} ${key} ${body.short}`.toLowerCase(), line };
}

function wholeOf(headers: Readonly<Record<string, string>>, body: ReturnType<typeof bodyOf>): HTMLElement {
  const hidden = ['subscription', 'message-id', 'content-length', 'mq-body-bytes', 'destination', 'receipt'];
  const shown = Object.entries(headers).filter(([name]) => !hidden.includes(name));
  return element(
    'div',
    { class: 'whole' },
    element('pre', { tabindex: 0, 'aria-label': 'Body' }, body.long),
    element('p', { class: 'hint' }, body.size),
    element(
      'dl',
      {},
      ...shown.map(([name, value]) =>
        element('div', {}, element('dt', {}, oneLine(name, 80)), element('dd', {}, visible(value.slice(0, 2000)))),
      ),
    ),
  );
}
