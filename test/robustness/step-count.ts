// Counts the steps of the modules that are loaded after this one: each call of a function and each iteration of a loop. The same
// work has the same number of steps on a fast, a slow and a busy machine. A call of a built-in function is one step.
//
//   node --import ./step-count.ts program.ts

import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import { type Node, nodesOf } from '../support/source.ts';

type Span = Node & { readonly start: number; readonly end: number };

interface Insertion {
  readonly offset: number;
  readonly text: string;
}

const counter = new Float64Array(1);
const step = 'mqSteps[0]++';

/** Returns the number of steps until now. */
export function steps(): number {
  return counter[0] ?? 0;
}

/** Returns the source with a counter in each function and each loop. */
function counting(path: string, source: string): string {
  const insertions = nodesOf(path, source).flatMap(({ node }) => insertionsIn(node));
  // Where several bodies end at the same offset, the innermost is closed first.
  const inOrder = insertions.reverse().sort((a, b) => a.offset - b.offset);
  let end = 0;
  const parts = inOrder.map(({ offset, text }) => {
    const part = source.slice(end, offset) + text;
    end = offset;
    return part;
  });
  return parts.join('') + source.slice(end);
}

function insertionsIn({ type, body }: Node): Insertion[] {
  if (!/^(?:For|While|DoWhile|Function|ArrowFunction)\w*(?:Statement|Expression|Declaration)$/.test(type)) return [];
  if (body === null || body === undefined) return []; // an overload
  const { type: kind, start, end } = body as Span;
  if (kind === 'BlockStatement' || kind === 'FunctionBody') return [{ offset: start + 1, text: `${step};` }];
  const [before, after] = type.endsWith('Statement') ? [`{${step};`, '}'] : [`(${step},`, ')'];
  return [
    { offset: end, text: after },
    { offset: start, text: before },
  ];
}

Object.assign(globalThis, { mqSteps: counter });
registerHooks({
  load: (url, context, nextLoad) => {
    const loaded = nextLoad(url, context);
    if (!url.startsWith('file:') || loaded.source === undefined || loaded.source === null) return loaded;
    if (loaded.format === 'json' || loaded.format === 'wasm') return loaded;
    return { ...loaded, source: counting(fileURLToPath(url), new TextDecoder().decode(loaded.source as Buffer)) };
  },
});
