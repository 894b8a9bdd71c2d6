import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Handler, HandlerHost, Outcome } from '../../../src/handlers/handler.ts';
import { makeHandler } from '../../../src/handlers/make.ts';
import { handleOne, makeHost, makeMessage, rejection, replyText } from '../../fixtures/handlers/host.ts';

// The modules are written here, because the compiler would refuse most of them as files.
const temporary = realpathSync(mkdtempSync(join(tmpdir(), 'mq-module-')));
test.after(() => rmSync(temporary, { recursive: true }));
const never = new AbortController().signal;
let count = 0;

function write(name: string, text: string): string {
  const file = join(temporary, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}

function makeModule(module: string, host: HandlerHost, behaviour: 'reply' | 'consume' = 'reply'): Promise<Handler> {
  return makeHandler({ module }, { ...host, cwd: temporary }, { behaviour });
}

/** Returns the outcome of one message for a function with this source text. */
async function outcomeOf(text: string, behaviour: 'reply' | 'consume' = 'reply', host: HandlerHost = makeHost()) {
  const file = write(`function-${count++}.ts`, `export default ${text};\n`);
  return handleOne(await makeModule(file, host, behaviour), makeMessage('{"a":1}'));
}

const packages = { none: undefined, commonjs: '{ "type": "commonjs" }', module: '{ "type": "module" }' };
const modules = {
  'types.ts': `import { loud } from './dependency.ts';\nexport default (m: { text: string }): string => loud(m.text);`,
  'types.mts': `import { loud } from './dependency.ts';\nexport default (m: { text: string }): string => loud(m.text);`,
  'es.js': `import { loud } from './dependency.js';\nexport default (m) => loud(m.text);`,
  'es.mjs': `import { loud } from './dependency.js';\nexport default (m) => loud(m.text);`,
  'meta.js': `const name = import.meta.filename;\nexport { run as default };\nconst run = (m) => m.text + (name ? '!' : '');`,
  'common.js': `const { loud } = require('./common-dependency.js');\nmodule.exports = (m) => loud(m.text);`,
  'common.cjs': `const { loud } = require('./common-dependency.js');\nmodule.exports = (m) => loud(m.text);`,
  'common.cts': `exports.default = (m: { text: string }): string => m.text + '!';`,
  'mixed.ts': `import { loud } from './common-dependency.js';\nexport default (m: { text: string }): string => loud(m.text);`,
  'script.js': `#!/usr/bin/env node\nmodule.exports = { default: (m) => m.text + '!' };`,
};

for (const [kind, json] of Object.entries(packages)) {
  for (const [name, text] of Object.entries(modules)) {
    test(`runs ${name} although package.json declares ${kind}`, async () => {
      if (json !== undefined) write(`${kind}/package.json`, json);
      write(`${kind}/dependency.ts`, "export const loud = (text: string): string => text + '!';");
      write(`${kind}/dependency.js`, "export const loud = (text) => text + '!';");
      write(`${kind}/common-dependency.js`, "exports.loud = (text) => text + '!';");
      const handler = await makeModule(write(`${kind}/${name}`, text), makeHost());
      assert.is(replyText(await handleOne(handler, makeMessage('a'))), 'a!');
    });
  }
}

test('loads a package of the user in the format of its package.json', async () => {
  write('app/node_modules/dual/package.json', '{ "type": "module", "exports": "./index.js" }');
  write('app/node_modules/dual/index.js', 'export const kind = typeof module;');
  write('app/node_modules/old/package.json', '{ "main": "index.js" }');
  write('app/node_modules/old/index.js', 'exports.kind = typeof module;');
  const text = `import { kind } from 'dual'; import old from 'old'; export default () => kind + ' ' + old.kind;`;
  assert.is(replyText(await handleOne(await makeModule(write('app/h.ts', text), makeHost()))), 'undefined object');
});

test('runs a module through a symbolic link', async () => {
  write('real/h.js', 'import fs from "node:fs";\nexport default () => typeof fs.readFileSync;');
  symlinkSync(join(temporary, 'real/h.js'), join(temporary, 'link.js'));
  assert.is(replyText(await handleOne(await makeModule('./link.js', makeHost()))), 'function');
});

test('the function receives the message and its context', async () => {
  const stderr = makeHost().stderr;
  const text = `(message, context) => {
    context.log('seen');
    return { ...message, body: message.body.toString(), text: message.text, json: message.json(),
      attempts: context.attempt, aborted: context.signal.aborted, bare: Object.getPrototypeOf(message.headers) === null };
  }`;
  const outcome = await outcomeOf(text, 'reply', makeHost({ stderr }));
  assert.equal(JSON.parse(replyText(outcome) ?? ''), {
    body: '{"a":1}',
    text: '{"a":1}',
    json: { a: 1 },
    fields: { exchange: '', routingKey: 'jobs', redelivered: false, queue: 'jobs' },
    properties: {},
    headers: {},
    attempt: 1,
    attempts: 1,
    aborted: false,
    bare: true,
  });
  assert.is(stderr.text, 'seen\n');
});

test('a copy of the message or the context has all properties', async () => {
  const text = `(message, context) => {
    const { body, text, json, attempt, ...others } = { ...message };
    const { signal, log, ...more } = { ...context };
    log('seen');
    return { text, json: json(), attempt, others, more, aborted: signal.aborted, isBuffer: Buffer.isBuffer(body),
      keys: [Object.keys(message).sort(), Object.keys(context).sort()] };
  }`;
  const stderr = makeHost().stderr;
  assert.equal(JSON.parse(replyText(await outcomeOf(text, 'reply', makeHost({ stderr }))) ?? ''), {
    ...{ text: '{"a":1}', json: { a: 1 }, attempt: 1, aborted: false, isBuffer: true },
    others: {
      fields: { exchange: '', routingKey: 'jobs', redelivered: false, queue: 'jobs' },
      ...{ properties: {}, headers: {} },
    },
    more: { attempt: 1 },
    keys: [
      ['attempt', 'body', 'fields', 'headers', 'json', 'properties', 'text'],
      ['attempt', 'log', 'signal'],
    ],
  });
  assert.is(stderr.text, 'seen\n');
});

test('waits for a function that has the method then, as await does', async () => {
  const text = `() => Object.assign(() => undefined, { then: (_, reject) => reject(new Error('later')) })`;
  assert.equal(await outcomeOf(text), { type: 'retry', reason: 'later' });
});

test('the function cannot change the message that is published again', async () => {
  const text = `(m) => { m.body.fill(0); for (const part of [m, m.fields, m.properties, m.headers]) part.x = 1; }`;
  const message = makeMessage('abc', { headers: { a: 1 } });
  const outcome = await handleOne(await makeModule(write('changes.ts', `export default ${text}`), makeHost()), message);
  assert.is(outcome.type, 'retry');
  assert.is(message.body.toString(), 'abc');
  assert.equal(message.headers, { a: 1 });
});

for (const [text, outcome] of [
  ['() => {}', { type: 'ack' }],
  ['async () => null', { type: 'ack' }],
  ['() => false', { type: 'ack' }],
  ['() => 0', { type: 'ack' }],
  ['() => [1]', { type: 'ack' }],
  ['() => ({ ok: true })', { type: 'ack' }],
  ['() => ({ type: "ack" })', { type: 'ack' }],
  ['() => ({ type: "retry", reason: "busy" })', { type: 'retry', reason: 'busy' }],
  ['() => ({ type: "retry" })', { type: 'retry', reason: 'requested by the handler' }],
  ['async () => ({ type: "dead-letter", reason: "no" })', { type: 'dead-letter', reason: 'no' }],
  ['() => ({ type: "reject" })', { type: 'dead-letter', reason: 'requested by the handler' }],
  ['() => ({ type: "nack", requeue: true })', { type: 'requeue', reason: 'requested by the handler' }],
  ['() => ({ type: "requeue", reason: "later" })', { type: 'requeue', reason: 'later' }],
  ['() => ({ type: "rety" })', { type: 'retry', reason: 'the handler returned an unknown outcome: rety' }],
  ['() => "other"', { type: 'ack' }],
  ...[`() => 'dead-letter'`, `() => ({ outcome: 'dead-letter' })`].map((text): [string, Outcome] => [
    text,
    {
      type: 'retry',
      reason: "the handler returned the outcome dead-letter in another form than { type: 'dead-letter' }",
    },
  ]),
  [
    'async () => new Error("late")',
    { type: 'retry', reason: 'the handler returned an error instead of throwing it: late' },
  ],
  ['() => { throw new Error("bad\\nday"); }', { type: 'retry', reason: 'bad day' }],
  ['async () => { throw "text"; }', { type: 'retry', reason: 'text' }],
  ['() => { throw { code: 7 }; }', { type: 'retry', reason: '{"code":7}' }],
  ['() => { throw { code: 7, message: "no stock" }; }', { type: 'retry', reason: 'no stock' }],
  ['() => { throw { toString: () => "own text" }; }', { type: 'retry', reason: 'own text' }],
  ['() => Promise.reject()', { type: 'retry', reason: 'undefined' }],
] as const) {
  test(`the outcome of ${text} for a consumer is ${JSON.stringify(outcome)}`, async () => {
    assert.equal(await outcomeOf(text, 'consume'), outcome);
  });
}

for (const [text, body, contentType] of [
  ['() => "text"', 'text', 'text/plain'],
  ['() => ""', '', 'text/plain'],
  ['() => 0', '0', 'text/plain'],
  ['() => 2n ** 64n', '18446744073709551616', 'text/plain'],
  ['() => Buffer.from("b")', 'b', 'application/octet-stream'],
  ['() => new Uint8Array([1, 97, 98]).subarray(1)', 'ab', 'application/octet-stream'],
  ['() => ({ a: [1] })', '{"a":[1]}', 'application/json'],
  ['() => [1, 2]', '[1,2]', 'application/json'],
  ['() => false', 'false', 'application/json'],
  ['() => ({ type: "car" })', '{"type":"car"}', 'application/json'],
  ['() => ({ type: "ack", reply: "r" })', 'r', 'text/plain'],
] as const) {
  test(`the reply of ${text} is ${body} as ${contentType}`, async () => {
    assert.equal(await outcomeOf(text), { type: 'ack', reply: { body: Buffer.from(body), contentType } });
  });
}

test('a value that cannot be serialised is not a reply', async () => {
  for (const text of ['() => () => 1', '() => { const a = {}; a.a = a; return a; }', '() => ({ a: 1n })']) {
    assert.is((await outcomeOf(text)).type, 'retry', text);
  }
  assert.equal(await outcomeOf('() => undefined'), { type: 'ack' });
});

test('retries if json() throws because the body is not JSON', async () => {
  const handler = await makeModule(write('json.ts', 'export default (m) => m.json()'), makeHost());
  assert.is((await handleOne(handler, makeMessage('{'))).type, 'retry');
});

test('retries a function that never settles at its deadline, and aborts it', async () => {
  const host = makeHost({ timeoutMs: 20 });
  const text = `(m, { signal, log }) => new Promise(() => signal.addEventListener('abort', () => log('aborted')))`;
  assert.equal(await outcomeOf(text, 'consume', host), {
    type: 'retry',
    reason: 'the handler did not end within 0.02 s',
  });
  assert.is(host.stderr.text, 'aborted\n');
});

test('calls the function for two messages at the same time', async () => {
  const text = `let both; const met = new Promise((resolve) => { both = resolve; }); let count = 0;
    export default () => { if (++count === 2) both(); return met; };`;
  const handler = await makeModule(write('concurrent.ts', text), makeHost());
  await Promise.all([1, 2].map(() => handler.handle(makeMessage(), { signal: never })));
  await handler.close();
});

test('a missing module is NO_INPUT, a folder is CONFIG', async () => {
  const missing = await rejection(makeModule('./no-such.ts', makeHost()));
  assert.is(missing.code, 'NO_INPUT');
  assert.is(missing.message, 'cannot read ./no-such.ts: no such file');
  const isFolder = await rejection(makeModule('.', makeHost()));
  assert.is(isFolder.code, 'CONFIG');
  assert.is(isFolder.message, 'cannot load .: not a file');
});

const erasable = /mq only strips types/;
for (const [name, text, reason, place, hint] of [
  ['none.ts', 'export const a = 1;', 'it has no function as its default export', '', /export default/],
  [
    'enum.ts',
    'enum A {\n  B,\n}\nexport default () => A.B;',
    'TypeScript enum is not supported in strip-only mode',
    ':1',
    erasable,
  ],
  [
    'namespace.ts',
    'export default () => 1;\nnamespace A {\n  export const b = 1;\n}',
    'TypeScript namespace declaration is not supported in strip-only mode',
    ':2',
    erasable,
  ],
  [
    'parameter.ts',
    'class A {\n  constructor(readonly b: number) {}\n}\nexport default () => new A(1);',
    'TypeScript parameter property is not supported in strip-only mode',
    ':2:24',
    erasable,
  ],
  ['syntax.ts', 'const a = 1;\nexport default ( => a;', 'Expression expected', ':2:18', undefined],
  ['syntax-common.js', 'const a = 1;\nmodule.exports = ( => a;', "Unexpected token '=>'", ':2:20', undefined],
  ['syntax-es.js', 'export default ( => 1;', "Unexpected token '=>'", ':1:18', undefined],
  [
    'syntax-late.mjs',
    "export * from 'x';\nexport { a } from 'y';\nimport b, {\n  c,\n} from 'z';\nimport.meta.url; 1 2;",
    'Unexpected number',
    ':6:20',
    undefined,
  ],
  [
    'await.ts',
    'await null;\nexport default () => 1;',
    'the module, or one that it imports, has a top-level await',
    '',
    /await inside/,
  ],
  [
    'await.js',
    'await null;\nmodule.exports = () => 1;',
    'the module, or one that it imports, has a top-level await',
    '',
    /await inside/,
  ],
  ['throws.ts', '\nthrow new TypeError("boo\\nhoo");\nexport default () => 1;', 'boo hoo', ':2:7', undefined],
  ['throws-text.js', 'throw "text";', 'text', '', undefined],
  ['throws-nothing.js', 'throw null;', 'null', '', undefined],
] as const) {
  test(`${name} is CONFIG: ${reason}`, async () => {
    const file = write(`broken/${name}`, text);
    const error = await rejection(makeModule(`broken/${name}`, makeHost()));
    assert.is(error.code, 'CONFIG');
    const verb = name === 'none.ts' ? 'use' : 'load';
    const at = place === '' ? '' : ` (${file}${place})`;
    assert.is(error.message, `cannot ${verb} broken/${name}: ${reason}${at}`);
    assert.is(error.at, place === '' ? `broken/${name}` : file + place);
    if (hint !== undefined) assert.match(error.hint ?? '', hint);
  });
}

test('reports a missing import of a module in one line', async () => {
  write('broken/exports.ts', 'export const a = 1;');
  for (const [name, text, reason] of [
    [
      'no-file.ts',
      "import { a } from './nowhere.ts';\nexport default () => a;",
      /Cannot find module '.*nowhere\.ts' imported from .*no-file\.ts/,
    ],
    [
      'no-package.ts',
      "import a from 'no-such-package';\nexport default () => a;",
      /Cannot find package 'no-such-package' imported from/,
    ],
    [
      'no-package.js',
      "\nmodule.exports = require('no-such-package');",
      /Cannot find module 'no-such-package' \(.*no-package\.js:2:18\)$/,
    ],
    [
      'no-export.ts',
      "import { b } from './exports.ts';\nexport default () => b;",
      /'\.\/exports\.ts' does not provide an export named 'b'/,
    ],
  ] as const) {
    write(`broken/${name}`, text);
    const error = await rejection(makeModule(`broken/${name}`, makeHost()));
    assert.is(error.code, 'CONFIG');
    assert.match(error.message, reason);
    assert.not.match(error.message, /\n/);
  }
});

test('names the imported file with a syntax error, and the position', async () => {
  const file = write('broken/bad-dependency.js', 'export const a = ( => 1;');
  write('broken/imports-bad.js', "import './bad-dependency.js';\nexport default () => 1;");
  assert.is((await rejection(makeModule('broken/imports-bad.js', makeHost()))).at, `${file}:1:20`);
});

for (const [text, outcomes] of [
  ['async () => undefined', [{ type: 'ack' }, { type: 'ack' }]],
  [
    `(all) => all.map(({ text }) => (text === 'b' ? { type: 'retry', reason: 'b' } : undefined))`,
    [{ type: 'ack' }, { type: 'retry', reason: 'b' }],
  ],
  [`() => ({ type: 'dead-letter', reason: 'all' })`, Array(2).fill({ type: 'dead-letter', reason: 'all' })],
  ['() => [undefined]', Array(2).fill({ type: 'retry', reason: 'the handler returned 1 outcomes for 2 messages' })],
  [`() => { throw new Error('no'); }`, Array(2).fill({ type: 'retry', reason: 'no' })],
] as const) {
  test(`calls the function batch of a module with a list: ${text}`, async () => {
    const file = write(`batch-${count++}.ts`, `export const batch = ${text};\n`);
    const batch = { size: 2, waitMs: 60_000 };
    const handler = await makeHandler({ module: file }, makeHost(), { behaviour: 'consume', batch });
    const { signal } = new AbortController();
    const both = ['a', 'b'].map((body) => handler.handle(makeMessage(body), { signal }));
    assert.equal(await Promise.all(both), outcomes);
    await handler.close();
  });
}

test('retries only the message of a batch whose reply is invalid', async () => {
  const file = write('batch-reply.ts', `export const batch = () => [() => 1, 'two'];\n`);
  const handler = await makeHandler({ module: file }, makeHost(), {
    behaviour: 'reply',
    batch: { size: 2, waitMs: 60_000 },
  });
  const { signal } = new AbortController();
  const [bad, good] = await Promise.all(['a', 'b'].map((body) => handler.handle(makeMessage(body), { signal })));
  assert.equal([bad?.type, replyText(good as Outcome)], ['retry', 'two']);
  await handler.close();
});

test('refuses a module without a function batch for batches', async () => {
  const file = write('single.ts', 'export default () => {};\n');
  const place = { behaviour: 'consume', batch: { size: 2, waitMs: 1 } } as const;
  assert.is((await rejection(makeHandler({ module: file }, makeHost(), place))).code, 'CONFIG');
});

test('writes what the console and context.log get to the outputs of the host', async () => {
  const host = makeHost();
  const file = write(
    'console.js',
    `console.log('loaded'); module.exports = (m, context) => { console.error('%s!', m.text); context.log({ a: 1 }); };`,
  );
  const own = globalThis.console;
  const handler = await makeModule(file, host, 'consume');
  await handleOne(handler, makeMessage('x'));
  await handler.close();
  assert.is(host.stdout.text, 'loaded\n');
  assert.is(host.stderr.text, 'x!\n{ a: 1 }\n');
  assert.is(globalThis.console, own);
});

test.run();
