// The page of mq web: shows the catalog and connects its parts.

import type { Catalog } from '../catalog.ts';
import { ask } from './ask.ts';
import { Connection, type State } from './connection.ts';
import { byId, setText } from './dom.ts';
import { Messages } from './messages.ts';
import { Rate } from './rate.ts';
import { setUpForms } from './send.ts';
import { Streams } from './streams.ts';
import { oneLine } from './text.ts';
import { drawTopology } from './topology.ts';

/** Milliseconds until the next try. */
const againMs = 1000;

async function main(): Promise<void> {
  const catalog = await catalogOf();
  setText(byId('broker'), `${catalog.broker} ${catalog.vhost}`);
  setText(byId('about'), `mq ${catalog.version} · STOMP over ${catalog.route}`);
  document.title = `mq web · ${catalog.broker}`;

  const [messages, rate] = [new Messages(), new Rate()];
  const connection = new Connection({
    onConnect: () => streams.subscribeAll(),
    onError: (message) => {
      streams.refused(message);
      notice(message);
    },
    onState: (state, tries) => {
      showState(state, tries);
      if (state === 'connected') notice('');
      if (state === 'lost') streams.lost();
    },
  });
  const streams = new Streams(connection, catalog, {
    onShown: () => messages.show(),
    onMessage: (stream, { headers, binaryBody }) => {
      rate.count();
      messages.add({ stream, headers, body: binaryBody, at: new Date() });
    },
  });
  let sent = 0;
  setUpForms(connection, catalog, {
    onSent: () => {
      sent += 1;
      setText(byId('sent'), sent.toLocaleString('en'));
    },
    isWatched: (exchange) => streams.isWatched(exchange),
  });
  drawTopology(catalog);
  connection.start();
}

/** Asks for the catalog until mq web answers. Rejects if mq web refuses the request. */
async function catalogOf(): Promise<Catalog> {
  for (let tries = 1; ; tries += 1) {
    const answer = await ask('/api/catalog');
    if (answer?.status === 200) return JSON.parse(answer.text);
    if (answer) throw new Error(`mq web answered ${answer.status}: ${answer.text}`);
    showState('lost', tries);
    await new Promise((resolve) => setTimeout(resolve, againMs));
  }
}

function showState(state: State, tries: number): void {
  const place = byId('state');
  place.dataset['state'] = state;
  setText(place, state === 'lost' ? `not connected; trying again (${tries})` : state);
}

let quiet = 0;

/** Shows an error. It stays visible for a while after the page has reconnected. */
function notice(text: string): void {
  const place = byId('notice');
  clearTimeout(quiet);
  if (text === '') {
    quiet = setTimeout(() => {
      place.hidden = true;
    }, 6000);
    return;
  }
  place.hidden = false;
  setText(place, oneLine(text, 400));
}

main().catch((error: unknown) => notice(`The page cannot start: ${error instanceof Error ? error.message : error}`));
