// The three forms that send: a message to an exchange, a task to a queue, and a request with its reply. Each shows the
// result. mq web publishes the first two over AMQP, because STOMP does not report that no queue received a message.

import type { Catalog, QueueEntry } from '../catalog.ts';
import type { PublishResult } from '../publish-result.ts';
import { ask } from './ask.ts';
import type { Connection } from './connection.ts';
import { checked, element, field, formById, selectField, setText, textField } from './dom.ts';
import { bodyOf, oneLine, queueAt } from './text.ts';

const longestText = 256 * 1024;
const answerMs = 30_000;

/** Time limit in milliseconds for mq web, which itself waits 30 s for the broker. */
const publishMs = 40_000;
const notSent = 'not sent: there is no connection';

interface SendEvents {
  /** Called for each message that the broker confirmed. */
  readonly onSent: () => void;
  /** Returns `true` while the page itself watches the exchange. */
  readonly isWatched: (exchange: string) => boolean;
}

/** Sets up the forms. */
export function setUpForms(connection: Connection, catalog: Catalog, events: SendEvents): void {
  publishForm(connection, catalog, events);
  const task = formById('task');
  queueForm(task, catalog.tasks, async ({ queue, persistent }, values) => {
    const result = await publish(connection, { exchange: '', routingKey: queue, persistent, ...values });
    if (result.isGood) events.onSent();
    return result;
  });
  const request = formById('request');
  queueForm(request, catalog.requests, async ({ queue }, { text, contentType }) => {
    // A request uses STOMP, which also confirms a message that no queue received.
    const found = await ask(`/api/queue?name=${encodeURIComponent(queue)}`);
    if (!found) return failure('not sent: mq web has not answered');
    if (found.status === 404) return failure(`not sent: there is no queue '${queue}'; start its server`);
    const began = performance.now();
    const answer = await connection.request(queueAt(queue), { text, contentType, waitMs: answerMs });
    if (answer === 'no answer') return failure(`no answer in ${answerMs / 1000} s; is a server running?`);
    if (answer === 'not confirmed')
      return failure(
        `in doubt: the broker has not confirmed it in ${answerMs / 1000} s; an alarm may block publishers`,
      );
    if (answer === 'lost') return failure('no answer: the connection was lost');
    if (answer === 'not sent') return failure(notSent);
    events.onSent();
    const { short } = bodyOf(answer.binaryBody, answer.binaryBody.length);
    return { text: `${short} (${Math.round(performance.now() - began)} ms)`, isGood: true };
  });
}

/** Values of a form's fields. */
interface FormValues {
  readonly text: string;
  readonly contentType: string;
  readonly headers: Readonly<Record<string, string | number | boolean>>;
}

interface PublishRequest extends FormValues {
  readonly exchange: string;
  readonly routingKey: string;
  readonly persistent: boolean;
}

async function publish({ isConnected }: Connection, message: PublishRequest): Promise<FormResult> {
  if (!isConnected) return failure(notSent);
  const body = JSON.stringify(message);
  const headers = { 'content-type': 'application/json' };
  const answer = await ask('/api/publish', { method: 'POST', headers, body, waitMs: publishMs });
  if (!answer) return failure('in doubt: mq web has not answered');
  if (answer.status !== 200) return failure(`not sent: ${answer.text.trim()}`);
  const { outcome, message: why = '' }: PublishResult = JSON.parse(answer.text);
  if (outcome === 'confirmed') return { text: 'confirmed by the broker', isGood: true };
  return failure(`${outcome}: ${oneLine(why, 200)}`);
}

interface FormResult {
  readonly text: string;
  readonly isGood: boolean;
}

function failure(text: string): FormResult {
  return { text, isGood: false };
}

function publishForm(connection: Connection, { exchanges }: Catalog, { onSent, isWatched }: SendEvents): void {
  const form = formById('publish');
  const [exchange, key] = [selectField(form, 'exchange'), field(form, 'key')];
  exchange.append(...exchanges.map(({ name, type }) => element('option', { value: name }, `${name} (${type})`)));
  const fill = () => {
    const chosen = exchanges.find(({ name }) => name === exchange.value);
    key.value = chosen?.key ?? '';
    key.disabled = chosen?.type === 'fanout';
  };
  exchange.addEventListener('change', fill);
  fill();
  setUpForm(form, exchanges.length > 0, async (values) => {
    const to = { exchange: exchange.value, routingKey: key.value, persistent: false };
    const result = await publish(connection, { ...to, ...values });
    if (!result.isGood) return result;
    onSent();
    // The queue of this page also receives the message, so the confirm does not show that another queue received it.
    return isWatched(to.exchange)
      ? { ...result, text: `${result.text}; this page watches ${oneLine(to.exchange, 60)}` }
      : result;
  });
}

function queueForm(
  form: HTMLFormElement,
  queues: readonly QueueEntry[],
  send: (queue: QueueEntry, values: FormValues) => Promise<FormResult>,
): void {
  const select = selectField(form, 'queue');
  const text = textField(form, 'text');
  select.append(...queues.map(({ queue }) => element('option', { value: queue }, queue)));
  const chosen = () => queues.find(({ queue }) => queue === select.value);
  const fill = () => {
    text.value = chosen()?.text ?? '';
  };
  select.addEventListener('change', fill);
  fill();
  setUpForm(form, queues.length > 0, async (values) => {
    const queue = chosen();
    return queue ? send(queue, values) : failure('not sent: there is no queue');
  });
}

/** Sets up a form. A form without a target is hidden. Ctrl-Enter in a text field sends. */
function setUpForm(form: HTMLFormElement, hasTarget: boolean, send: (values: FormValues) => Promise<FormResult>): void {
  form.hidden = !hasTarget;
  const output = checked(form.querySelector('output'), HTMLOutputElement, 'output');
  const text = textField(form, 'text');
  text.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  let number = 0;
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    number += 1;
    const own = number;
    const show = ({ text: shown, isGood }: FormResult) => {
      if (own !== number) return;
      output.dataset['good'] = String(isGood);
      setText(output, shown);
    };
    if (new TextEncoder().encode(text.value).length > longestText)
      return show(failure(`not sent: the text is longer than ${longestText / 1024} KiB`));
    const values = valuesOf(form);
    if (typeof values === 'string') return show(failure(`not sent: ${values}`));
    output.dataset['good'] = '';
    setText(output, 'sending…');
    send(values).then(show, (error: unknown) => show(failure(`not sent: ${String(error)}`)));
  });
}

/** Returns the text of a form with its content type and headers, or why they are invalid. */
function valuesOf(form: HTMLFormElement): FormValues | string {
  const value = (name: string) => {
    const found = form.elements.namedItem(name);
    return found instanceof HTMLInputElement || found instanceof HTMLTextAreaElement ? found.value : '';
  };
  const headers: Record<string, string | number | boolean> = {};
  for (const line of value('headers').split('\n')) {
    if (line.trim() === '') continue;
    const [name = '', typed, text = ''] =
      /^([^:]+):(=?)(.*)$/
        .exec(line.trim())
        ?.slice(1)
        .map((part) => part.trim()) ?? [];
    if (name === '') return `a header has the form name: value, not '${oneLine(line, 60)}'`;
    const scalar = typed === '=' ? scalarOf(text) : text;
    if (scalar === undefined) return `a typed header is a number, true or false (count:=5), not '${oneLine(line, 60)}'`;
    headers[name] = scalar;
  }
  return { text: value('text'), contentType: value('content-type').trim(), headers };
}

function scalarOf(text: string): number | boolean | undefined {
  if (text === 'true' || text === 'false') return text === 'true';
  const number = Number(text);
  return text !== '' && Number.isFinite(number) && (!Number.isInteger(number) || Number.isSafeInteger(number))
    ? number
    : undefined;
}
