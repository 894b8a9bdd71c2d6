// The three forms that send: to an exchange, a task to a queue, a request with its answer. Each tells what became of it.

import type { Catalog, QueueEntry } from '../catalog.ts';
import type { Connection, Sent } from './connection.ts';
import { byId, element, field, tell } from './dom.ts';
import { bodyOf, exchangeAt, queueAt } from './text.ts';

const longestText = 256 * 1024;
const answerMs = 30_000;

const words: Readonly<Record<Sent, string>> = {
  confirmed: 'confirmed by the broker',
  'in doubt': 'in doubt: the connection went before the broker answered',
  'not sent': 'not sent: there is no connection',
};

/** Makes the forms work. `onSent` is called for each message that the broker confirmed. */
export function makeForms(connection: Connection, catalog: Catalog, onSent: () => void): void {
  publishForm(connection, catalog, onSent);
  const task = byId<HTMLFormElement>('task');
  queueForm(task, catalog.tasks, async (queue, text) => {
    if (!(await isThere(queue))) return bad(`not sent: there is no queue '${queue.queue}'`);
    const sent = await connection.send(queueAt(queue.queue), text, queue.persistent ? { persistent: 'true' } : {});
    if (sent === 'confirmed') onSent();
    return { text: words[sent], isGood: sent === 'confirmed' };
  });
  const request = byId<HTMLFormElement>('request');
  queueForm(request, catalog.requests, async (queue, text) => {
    if (!(await isThere(queue)))
      return bad(`not sent: there is no queue '${queue.queue}'; start its server (mq rpc-server)`);
    const began = performance.now();
    const answer = await connection.ask(queueAt(queue.queue), text, answerMs);
    if (answer === 'no answer') return bad(`no answer in ${answerMs / 1000} s: is a server there? (mq rpc-server)`);
    if (answer === 'not confirmed')
      return bad(`in doubt: the broker has not confirmed it in ${answerMs / 1000} s; an alarm may block publishers`);
    if (answer === 'lost') return bad('no answer: the connection went');
    if (answer === 'not sent') return bad(words[answer]);
    onSent();
    const { short } = bodyOf(answer.binaryBody, answer.binaryBody.length);
    return { text: `${short} (${Math.round(performance.now() - began)} ms)`, isGood: true };
  });
}

/** STOMP does not tell that nobody got a message: RabbitMQ confirms what it drops. */
async function isThere({ queue }: QueueEntry): Promise<boolean> {
  const response = await fetch(`/api/queue?name=${encodeURIComponent(queue)}`);
  return response.status !== 404;
}

interface Told {
  readonly text: string;
  readonly isGood: boolean;
}

function bad(text: string): Told {
  return { text, isGood: false };
}

function publishForm(connection: Connection, { exchanges }: Catalog, onSent: () => void): void {
  const form = byId<HTMLFormElement>('publish');
  const [exchange, key] = [field<HTMLSelectElement>(form, 'exchange'), field(form, 'key')];
  exchange.append(...exchanges.map(({ name, type }) => element('option', { value: name }, `${name} (${type})`)));
  const fill = () => {
    const chosen = exchanges.find(({ name }) => name === exchange.value);
    key.value = chosen?.key ?? '';
    key.disabled = chosen?.type === 'fanout';
  };
  exchange.addEventListener('change', fill);
  fill();
  sending(form, exchanges.length > 0, async (text) => {
    const sent = await connection.send(exchangeAt(exchange.value, key.value), text);
    if (sent === 'confirmed') onSent();
    return { text: words[sent], isGood: sent === 'confirmed' };
  });
}

function queueForm(
  form: HTMLFormElement,
  queues: readonly QueueEntry[],
  send: (queue: QueueEntry, text: string) => Promise<Told>,
): void {
  const select = field<HTMLSelectElement>(form, 'queue');
  const text = field<HTMLTextAreaElement>(form, 'text');
  select.append(...queues.map(({ queue }) => element('option', { value: queue }, queue)));
  const chosen = () => queues.find(({ queue }) => queue === select.value);
  const fill = () => {
    text.value = chosen()?.text ?? '';
  };
  select.addEventListener('change', fill);
  fill();
  sending(form, queues.length > 0, async (typed) => {
    const queue = chosen();
    return queue ? send(queue, typed) : bad('there is no queue');
  });
}

/** A form without a target is not shown. Ctrl-Enter in a text sends. */
function sending(form: HTMLFormElement, hasTarget: boolean, send: (text: string) => Promise<Told>): void {
  form.hidden = !hasTarget;
  const output = form.querySelector('output') as HTMLOutputElement;
  const text = field<HTMLTextAreaElement>(form, 'text');
  text.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  let number = 0;
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    number += 1;
    const mine = number;
    const show = ({ text: said, isGood }: Told) => {
      if (mine !== number) return;
      output.dataset['good'] = String(isGood);
      tell(output, said);
    };
    if (new TextEncoder().encode(text.value).length > longestText)
      return show(bad(`not sent: the text is over ${longestText / 1024} KiB`));
    output.dataset['good'] = '';
    tell(output, 'sending…');
    send(text.value).then(show, (error: unknown) => show(bad(`not sent: ${String(error)}`)));
  });
}
