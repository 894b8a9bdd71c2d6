import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { checkConfigText } from '../../../src/config/check.ts';
import { configError } from '../../../src/config/reading/problem.ts';
import { builtin, fixture, linesOf, problemsOf } from './fixture.ts';

const codesOf = (content: unknown) => problemsOf(JSON.stringify(content)).map(({ code, path }) => `${path} ${code}`);
const inVhost = (vhost: object) => ({ vhosts: { '/': vhost } });

test('reports all problems of a file by position and without secrets', () => {
  const lines = linesOf(fixture('bad/everything.json'), { PW: 's3cret' });
  assert.equal(lines, fixture('bad/everything.txt').trimEnd().split('\n'));
  assert.not.match(lines.join('\n'), 's3cret');
});

test('reports unknown keys at every level with the most similar key', () => {
  const file = {
    vhost: {},
    vhosts: {
      '/': {
        queue: [],
        connection: { hostnme: '', options: { hartbeat: 1 } },
        exchanges: { e: { typ: 'topic', options: { durible: true } } },
        queues: { q: { option: {}, options: { arguments: { 'x-anything': 1 } } } },
        bindings: { 'e -> q': { bindingkey: 'x', options: { anything: 1 } } },
        publications: { p: { queue: 'q', routing: 'x', options: { presistent: true, headers: { anything: 1 } } } },
        subscriptions: { s: { queue: 'q', prefecth: 1, options: { noack: true } } },
      },
    },
    mq: { role: {}, retry: { atempts: 1 }, roles: { r: { behaviour: 'consume', subscription: 's', sumary: '' } } },
  };
  assert.equal(
    linesOf(file).map((line) => line.replace(/^f:\d+:\d+: /, '')),
    [
      'vhost: unknown key (did you mean "vhosts"?)',
      'vhosts["/"].queue: unknown key (did you mean "queues"?)',
      'vhosts["/"].connection.hostnme: unknown key (did you mean "hostname"?)',
      'vhosts["/"].connection.options.hartbeat: unknown key (did you mean "heartbeat"?)',
      'vhosts["/"].exchanges.e.typ: unknown key (did you mean "type"?)',
      'vhosts["/"].exchanges.e.options.durible: unknown key (did you mean "durable"?)',
      'vhosts["/"].queues.q.option: unknown key (did you mean "options"?)',
      'vhosts["/"].bindings["e -> q"].bindingkey: unknown key (did you mean "bindingKey"?)',
      'vhosts["/"].publications.p.routing: unknown key (did you mean "routingKey"?)',
      'vhosts["/"].publications.p.options.presistent: unknown key (did you mean "persistent"?)',
      'vhosts["/"].subscriptions.s.prefecth: unknown key (did you mean "prefetch"?)',
      'vhosts["/"].subscriptions.s.options.noack: unknown key (did you mean "noAck"?)',
      'mq.role: unknown key (did you mean "roles"?)',
      'mq.retry.atempts: unknown key (did you mean "attempts"?)',
      'mq.roles.r.sumary: unknown key (did you mean "summary"?)',
    ],
  );
});

test('checks the limits of numbers', () => {
  const role = (prefetch: unknown) => ({
    mq: { roles: { r: { behaviour: 'consume', subscription: 'hello', prefetch } } },
  });
  for (const good of [0, 1, 65535]) assert.equal(codesOf(role(good)), [], String(good));
  for (const bad of [-1, 65536, 1.5]) assert.is(codesOf(role(bad)).length, 1, String(bad));
  for (const bad of ['1', null, true, [], {}])
    assert.equal(codesOf(role(bad)), ['mq.roles.r.prefetch type'], String(bad));
  const port = (value: unknown) => inVhost({ connection: { port: value } });
  for (const good of [1, 65535, '5672']) assert.equal(codesOf(port(good)), [], String(good));
  for (const bad of [0, 65536, '0', '70000', 'x', '']) assert.is(codesOf(port(bad)).length, 1, String(bad));
  assert.equal(codesOf({ mq: { retry: { attempts: 0, delays: [1, 0] } } }), [
    'mq.retry.attempts value',
    'mq.retry.delays[1] value',
  ]);
  assert.is(linesOf('{"mq":{"retry":{"attempts":1e999}}}').length, 1);
  for (const good of [true, false]) assert.equal(codesOf({ mq: { declare: good } }), [], String(good));
  for (const bad of ['no', 0, null]) assert.equal(codesOf({ mq: { declare: bad } }), ['mq.declare type'], String(bad));
});

test('reports patterns of owned names that match too much or nothing', () => {
  const problems = (owns: unknown) => codesOf({ mq: { owns } });
  assert.equal(problems(['orders.*', '*.orders', 'a*b', 'orders']), []);
  assert.equal(problems(['', '*', '**', 'amq.*', 1]), [
    'mq.owns[0] value',
    'mq.owns[1] value',
    'mq.owns[2] value',
    'mq.owns[3] value',
    'mq.owns[4] type',
  ]);
  assert.equal(problems('orders'), ['mq.owns type']);
});

test('warns about owned names without a vhost', () => {
  const paths = (file: object) => {
    const { warnings = [] } = checkConfigText(JSON.stringify(file), { file: 'f', env: {}, builtin: {} });
    return warnings.map(({ path }) => path);
  };
  const mq = { owns: ['orders.*'] };
  assert.equal(paths({ mq }), ['mq.owns']);
  assert.equal(paths({ mq, vhosts: {} }), ['mq.owns']);
  assert.equal(paths({ mq, vhosts: { '/': {} } }), []);
  assert.equal(paths({ mq: { owns: [] } }), []);
});

test('reports queues whose names on the broker would be too long', () => {
  const check = (length: number, namespace?: string) => {
    const queue = 'q'.repeat(length);
    const file = { vhosts: { '/': { queues: [queue], namespace } }, subscriptions: { s: { queue } } };
    const { problems, warnings = [] } = checkConfigText(JSON.stringify(file), { file: 'f', env: {}, builtin });
    return [...problems, ...warnings].map(({ code, path, message }) => `${code} ${path}: ${message}`);
  };
  const at = 'vhosts["/"].queues[0]';
  assert.equal(check(242), []);
  assert.equal(check(243), [
    `warning ${at}: the name of the queue NAME.retry.120000 has 256 bytes, and AMQP allows 255`,
  ]);
  assert.is(check(242, 'n').length, 1);
  assert.equal(check(251, 'shop'), [`value ${at}: the name has 256 bytes with the namespace, and AMQP allows 255`]);
});

test('reports names that are too long for AMQP', () => {
  assert.equal(codesOf(inVhost({ queues: ['q'.repeat(255)] })), []);
  assert.equal(codesOf(inVhost({ queues: ['q'.repeat(256)] })), ['vhosts["/"].queues[0] value']);
  assert.is(codesOf(inVhost({ queues: { ['ü'.repeat(128)]: {} } })).length, 1);
});

test('refuses a line break in the name of an exchange or queue', () => {
  for (const bad of [{ queues: ['a\nb'] }, { exchanges: { 'a\r': {} } }, { queues: [{ name: '\n' }] }])
    assert.is(codesOf(inVhost(bad)).length, 1, JSON.stringify(bad));
  assert.equal(codesOf(inVhost({ exchanges: ['e'], queues: ['q\t\0'], bindings: ['e[a\nb] -> q\t\0'] })), []);
});

test('requires a publication to have one exchange or one queue', () => {
  const publication = (value: object) => codesOf({ publications: { p: value } });
  assert.equal(publication({ exchange: '' }), []);
  assert.equal(publication({ exchange: 'logs' }), []);
  assert.equal(publication({}), ['publications.p missing']);
  assert.equal(publication({ exchange: '', queue: 'hello' }), ['publications.p value']);
  assert.equal(publication({ queue: 'helo' }), ['publications.p.queue reference']);
  assert.equal(publication({ queue: 'hello', vhost: 'x' }), ['publications.p.vhost reference']);
  assert.equal(publication({ queue: 'hello', replyTo: 'x' }), ['publications.p.replyTo reference']);
});

test('names the vhost that defines an unknown name', () => {
  const file = {
    vhosts: {
      v: { exchanges: ['shop'], queues: ['mine'] },
      w: { exchanges: ['here'], bindings: ['here -> mine'], publications: { inside: { exchange: 'shop' } } },
    },
    publications: { order: { exchange: 'shop' }, ask: { queue: 'mine', replyTo: 'mine' } },
    subscriptions: { s: { queue: 'mine' } },
  };
  const there = 'it is in the vhost "v"';
  assert.equal(
    linesOf(file).map((line) => line.replace(/^f:\d+:\d+: /, '')),
    [
      `vhosts.w.bindings[0]: unknown queue "mine"; ${there}, but a binding connects items of one vhost`,
      `vhosts.w.publications.inside.exchange: unknown exchange "shop"; ${there}, so move this to that vhost`,
      `publications.order.exchange: unknown exchange "shop"; ${there}, so set "vhost": "v"`,
      `publications.ask.queue: unknown queue "mine"; ${there}, so set "vhost": "v"`,
      `publications.ask.replyTo: unknown reply queue "mine"; ${there}, so set "vhost": "v"`,
      `subscriptions.s.queue: unknown queue "mine"; ${there}, so set "vhost": "v"`,
    ],
  );
});

test('does not find a queue of another vhost', () => {
  const file = {
    vhosts: { v: { queues: ['mine'] } },
    subscriptions: { s: { queue: 'mine' }, t: { vhost: 'v', queue: 'mine' } },
  };
  assert.equal(codesOf(file), ['subscriptions.s.queue reference']);
});

test('accepts names such as constructor', () => {
  const names = ['constructor', 'toString', 'hasOwnProperty'];
  for (const name of names) {
    assert.equal(codesOf({ subscriptions: { s: { queue: name } } }), ['subscriptions.s.queue reference'], name);
    assert.is(codesOf({ [name]: 1 }).length, 1, name);
    assert.equal(codesOf({ ...inVhost({ queues: [name] }), subscriptions: { [name]: { queue: name } } }), [], name);
  }
  assert.ok(linesOf('{"vhosts":{"/":{"queues":{"__proto__":{}}}}}').length > 0);
});

test('reports a name that is defined twice', () => {
  const file = {
    vhosts: { '/': { publications: { p: { queue: 'hello' } } } },
    publications: { p: { queue: 'task_queue' } },
  };
  assert.equal(codesOf(file), ['vhosts["/"].publications.p duplicate']);
  assert.equal(codesOf(inVhost({ queues: ['q', 'q'] })), ['vhosts["/"].queues[1] duplicate']);
});

test('requires the publication or subscription of a role', () => {
  const role = (value: object) => codesOf({ mq: { roles: { r: value } } });
  assert.equal(role({ behaviour: 'publish', publication: 'hello' }), []);
  assert.equal(role({ publish: 'hello' }), []);
  assert.equal(role({ reply: 'rpc', handler: { module: './x.ts' } }), []);
  assert.equal(role({}), ['mq.roles.r missing']);
  assert.equal(role({ behaviour: 'publish' }), ['mq.roles.r missing']);
  assert.equal(role({ behaviour: 'publish', subscription: 'hello' }), [
    'mq.roles.r missing',
    'mq.roles.r.subscription value',
  ]);
  assert.equal(role({ behaviour: 'reply', subscription: 'nope' }), ['mq.roles.r.subscription reference']);
  const several = (subscriptions: unknown, more: object = {}) => role({ behaviour: 'consume', subscriptions, ...more });
  assert.equal(several(['hello', 'task']), []);
  assert.equal(several(['hello', 'nope']), ['mq.roles.r.subscriptions[1] reference']);
  assert.equal(several(['hello', 'hello']), ['mq.roles.r.subscriptions[1] value']);
  assert.equal(several([]), ['mq.roles.r.subscriptions value']);
  assert.equal(several('hello'), ['mq.roles.r.subscriptions type']);
  assert.equal(several(['hello'], { subscription: 'task' }), ['mq.roles.r.subscriptions value']);
  assert.equal(several(['hello'], { arguments: 'keys' }), ['mq.roles.r.arguments value']);
  assert.equal(role({ publish: 'hello', subscriptions: ['hello'] }), ['mq.roles.r.subscriptions value']);
  assert.equal(role({ reply: 'rpc', consume: 'rpc' }), ['mq.roles.r value']);
  assert.equal(role({ consume: 'hello', handler: {} }), ['mq.roles.r.handler value']);
  assert.equal(role({ consume: 'hello', handler: { exec: [] } }), ['mq.roles.r.handler.exec value']);
  assert.equal(role({ publish: 'hello', handler: { builtin: 'print' } }), ['mq.roles.r.handler value']);
  for (const name of ['', '-x', 'a b', 'a/b'])
    assert.is(codesOf({ mq: { roles: { [name]: { publish: 'hello' } } } }).length, 1, name);
});

test('reports one syntax error for each line, with its position', () => {
  const cases: [string, string][] = [
    ['', 'f:1:1: the file is empty'],
    [' \n', 'f:1:1: the file is empty'],
    ['{ "vhosts": {}, }', 'f:1:17: unexpected comma before the closing bracket'],
    ['{ "vhosts" {} }', 'f:1:12: expected a colon'],
    ['{ "vhosts": {} "mq": {} }', 'f:1:16: expected a comma'],
    ['{}\n{}', 'f:2:1: unexpected token after the end of the object'],
    ['// x\n{}', 'f:1:1: JSON does not allow comments'],
    ['{ "a": "b', 'f:1:8: unterminated string'],
    ['{', 'f:1:2: missing closing brace'],
    ['[]', 'f:1:1: must be an object (not a list)'],
    ['[['.repeat(100_000), 'f:1:1: nested too deeply'],
  ];
  for (const [text, line] of cases) assert.equal(linesOf(text), [line], text.slice(0, 30));
});

test('counts lines and columns after every line end and astral characters', () => {
  assert.match(linesOf('{\r\n\r\n "a": 1}')[0] ?? '', /^f:3:2:/);
  assert.match(linesOf('{\r\r "a": 1}')[0] ?? '', /^f:3:2:/);
  assert.match(linesOf('{"$schema": "🔑", "a": 1}')[0] ?? '', /^f:1:19:/);
});

test('reports a duplicate key', () => {
  assert.equal(linesOf('{"mq":{},\n "mq":{}}'), ['f:2:2: mq: duplicate key; remove one of the two']);
});

test('shows no password and no address', () => {
  const secret = 's3cret';
  for (const connection of [
    `amqp://u:${secret}@h:99999`,
    `amqp://u:${secret}/x@h`,
    `amqp://${secret}`.replace('//', '/'),
    `http://u:${secret}@h`,
    `amqp://u:${secret}`,
    `amqp://u:%zz${secret}@h`,
    `amqp://h?heartbeat=${secret}`,
    { password: [secret] },
    { password: 5 },
    { protocol: `amqp://u:${secret}@h` },
    { url: `${secret}` },
    { management: 5 },
  ]) {
    for (const file of [inVhost({ connection }), inVhost({ connections: [connection] })]) {
      const lines = linesOf(file).join('\n');
      assert.ok(lines.length > 0, JSON.stringify(connection));
      assert.not.match(lines, secret);
    }
  }
  const filled = linesOf(
    inVhost({ connection: { hostname: 'h', protocol: '${S}' }, exchanges: { e: { type: '${S}' } } }),
    { S: secret },
  );
  assert.is(filled.length, 2);
  assert.not.match(filled.join('\n'), secret);
});

test('reports encryption only in a strict check', () => {
  const file = {
    encryption: { k: { key: '00', algorithm: 'aes-256-cbc', ivLength: 16 } },
    vhosts: { '/': { queues: ['q'], subscriptions: { s: { queue: 'q', encryption: {} } } } },
    publications: { p: { queue: 'q', encryption: 'k' } },
  };
  assert.equal(linesOf(file), []);
  const { problems } = checkConfigText(JSON.stringify(file), { file: 'f', env: {}, builtin, isStrict: true });
  assert.equal(
    problems.map(({ code, path }) => `${code} ${path}`),
    ['unsupported vhosts["/"].subscriptions.s.encryption', 'unsupported publications.p.encryption'],
  );
});

test('warns of a quorum queue that drops redelivered messages', () => {
  const queue = (given: object) => ({ options: { arguments: { 'x-queue-type': 'quorum', ...given } } });
  const queues = {
    bare: queue({}),
    unlimited: queue({ 'x-delivery-limit': -1 }),
    buried: queue({ 'x-dead-letter-exchange': '' }),
    classic: {},
  };
  const text = JSON.stringify({ vhosts: { '/': { queues } } });
  const { problems, warnings = [] } = checkConfigText(text, { file: 'f', env: {}, builtin: {} });
  assert.equal(problems, []);
  assert.equal(
    warnings.map(({ code, path }) => [code, path]),
    [['warning', 'vhosts["/"].queues.bare.options.arguments.x-queue-type']],
  );
});

test('checks a handler whose role has an invalid behaviour', () => {
  const handler = { exec: ['true'], batch: 5 };
  for (const role of [{ handler }, { behaviour: 'consum', handler }, { consume: 'hello', publish: 'hello', handler }]) {
    const lines = linesOf({ mq: { roles: { r: role } } });
    assert.ok(
      lines.some((line) => line.endsWith('mq.roles.r.handler.batch: applies only to execLines and module')),
      lines.join(),
    );
    assert.is(lines.length, 2);
  }
});

test('reports a missing program together with other problems', () => {
  const file = { mq: { roles: { r: { consume: 'hello', handler: { exec: ['./none'], batch: 5 } } } } };
  const handlerFault = () => ({ path: ['exec', 0], message: 'missing' });
  const { problems } = checkConfigText(JSON.stringify(file), { file: 'f', env: {}, builtin, handlerFault });
  assert.equal(
    problems.map(({ path }) => path),
    ['mq.roles.r.handler.exec[0]', 'mq.roles.r.handler.batch'],
  );
});

test('warns of each TLS option that mq ignores', () => {
  const socketOptions = {
    rejectUnauthorized: false,
    secureProtocol: 'TLSv1_method',
    minVersion: 'TLSv1',
    ciphers: 'NULL',
    servername: 'broker',
  };
  const file = {
    vhosts: { '/': { connections: [{ socketOptions }] } },
    defaults: { vhosts: { connection: { socketOptions: { rejectUnauthorized: false, minVersion: 'TLSv1.3' } } } },
  };
  const { problems, warnings = [] } = checkConfigText(JSON.stringify(file, null, 2), {
    file: 'f',
    env: {},
    builtin: {},
  });
  assert.equal(problems, []);
  assert.equal(
    warnings.map(({ code, path, line, column }) => [code, path, line, column]),
    [
      ['warning', 'vhosts["/"].connections[0].socketOptions.rejectUnauthorized', 7, 35],
      ['warning', 'vhosts["/"].connections[0].socketOptions.secureProtocol', 8, 31],
      ['warning', 'vhosts["/"].connections[0].socketOptions.minVersion', 9, 27],
      ['warning', 'vhosts["/"].connections[0].socketOptions.ciphers', 10, 24],
      ['warning', 'defaults.vhosts.connection.socketOptions.rejectUnauthorized', 21, 33],
    ],
  );
  assert.match(String(warnings[0]?.instead), '--insecure');
});

test('warns of socket options that would replace the login', () => {
  const socketOptions = { token: { source: { kind: 'command', command: 'false' } }, tlsFiles: {}, credentials: {} };
  const file = { vhosts: { '/': { connections: [{ socketOptions }] } } };
  const { warnings = [] } = checkConfigText(JSON.stringify(file), { file: 'f', env: {}, builtin: {} });
  assert.equal(
    warnings.map(({ path }) => path),
    ['token', 'tlsFiles', 'credentials'].map((name) => `vhosts["/"].connections[0].socketOptions.${name}`),
  );
});

test('accepts TLS options that do not weaken TLS', () => {
  const socketOptions = { rejectUnauthorized: true, minVersion: 'TLSv1.2', ca: 'PEM', ciphers: 'HIGH' };
  const file = { vhosts: { '/': { connection: { socketOptions } } } };
  assert.equal(checkConfigText(JSON.stringify(file), { file: 'f', env: {}, builtin: {} }).warnings, []);
});

test('reports warnings together with problems of other parts', () => {
  const queues = { q: { options: { arguments: { 'x-queue-type': 'quorum' } } } };
  const file = { vhosts: { '/': { queues } }, subscriptions: { s: { queue: 'gone' } }, mq: { roles: 7 } };
  const { problems, warnings } = checkConfigText(JSON.stringify(file), { file: 'f', env: {}, builtin });
  assert.equal(
    problems.map(({ path }) => path),
    ['subscriptions.s.queue', 'mq.roles'],
  );
  assert.equal(
    warnings?.map(({ code }) => code),
    ['warning'],
  );
});

test('hints that the rest of an invalid file is not checked yet', () => {
  const { problems } = checkConfigText('{ "vhosts": {}, }', { file: 'f', env: {}, builtin });
  assert.match(configError('f', problems).hint ?? '', /^mq checks the rest of the file when/);
  const { problems: others } = checkConfigText('{ "vhost": {} }', { file: 'f', env: {}, builtin });
  assert.is(configError('f', others).hint, undefined);
});

test('does not treat a queue without a name as a wait queue', () => {
  assert.equal(linesOf({ vhosts: { '/': { queues: [{}] } } }).length, 1);
});

test('checks the thresholds of mq bench', () => {
  const file = {
    vhosts: { '/': {} },
    mq: { bench: { pipe: { thresholds: ['p99<50ms', 'p98<50ms', 'lost==0ms'] }, send: {} } },
  };
  assert.equal(
    linesOf(file).map((line) => line.replace(/^f:\d+:\d+: /, '').replace(/ The metrics.*/, '')),
    [
      "mq.bench.pipe.thresholds[1]: unknown metric 'p98'; did you mean 'p90'?",
      "mq.bench.pipe.thresholds[2]: the value of lost must be a number of messages, not '0ms'",
      'mq.bench.send: unknown key',
    ],
  );
});

test.run();
