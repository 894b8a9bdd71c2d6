// Compares the whole output of mq plan for people: text at 80 and 120 columns, and Markdown.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { markdownOf } from '../../../../../src/cli/topology/plan/markdown.ts';
import type { Plan } from '../../../../../src/cli/topology/plan/plan-document.ts';
import { hintOf, textOf } from '../../../../../src/cli/topology/plan/text.ts';

const binding = { source: 'orders', destination: 'bill', destinationType: 'queue', key: 'x', arguments: {} } as const;
const quorum = { attribute: 'type', wanted: 'quorum', found: null, isRefused: false };

const plan: Plan = {
  ...{
    file: 'rascal.json',
    against: 'amqp://127.0.0.1:5672',
    source: 'broker',
    notCompared: [],
    vhosts: ['shop'],
    merged: [],
    unfinished: [],
  },
  ...{ create: 3, update: 0, replace: 1, blocked: 1, delete: 0 },
  differences: [
    {
      ...{ vhost: 'shop', action: 'create', exists: false, kind: 'queue', name: 'audit', why: 'it does not exist' },
      attributes: [quorum, { attribute: 'x-max-length', wanted: 1000, found: null, isRefused: false }],
    },
    {
      ...{ vhost: 'shop', action: 'create', exists: false, kind: 'queue', name: 'bill.dead', for: 'bill' },
      ...{ attributes: [quorum], why: 'it does not exist; mq declares it for failed messages' },
    },
    {
      ...{ vhost: 'shop', action: 'replace', exists: true, kind: 'queue', name: 'bill' },
      attributes: [
        { attribute: 'x-message-ttl', wanted: 60_000, found: 30_000, isRefused: true },
        { attribute: 'x-team', wanted: null, found: 'a', isRefused: false },
      ],
      why: 'RabbitMQ cannot change a queue, and refuses the declaration with 406',
      risk: { messages: 12, unacknowledged: 2, consumers: 1, otherBindings: [binding], typicalGapMs: 25 },
    },
    {
      ...{ vhost: 'shop', action: 'blocked', exists: false, kind: 'queue', name: 'theirs', attributes: [] },
      why: 'it does not exist, and rascal.json leaves its declaration to another client ("assert": false)',
    },
    {
      ...{ vhost: 'shop', action: 'create', exists: false, kind: 'binding', attributes: [], why: 'it does not exist' },
      ...{ ...binding, key: '' },
    },
  ],
  others: [
    {
      vhost: 'shop',
      exchanges: [],
      queues: [
        {
          ...{ name: 'a|b`@c', type: 'classic', durable: true, autoDelete: false, exclusive: true },
          arguments: {},
        },
      ],
      bindings: [{ ...binding, isBetweenOwn: true }],
      policies: [{ name: 'p', pattern: '.*', applyTo: 'all', priority: 0, definition: {} }],
    },
  ],
};

const policies: Plan = {
  ...plan,
  ...{ create: 0, update: 1, replace: 1, blocked: 0, others: [] },
  differences: [
    {
      ...{ vhost: 'shop', action: 'update', exists: true, kind: 'policy', name: 'limit' },
      attributes: [{ attribute: 'max-length', wanted: 5, found: 9, isRefused: false }],
      why: 'it has other values on the broker',
      policyRisk: { queues: 2, otherQueues: 1, messages: 7, removing: ['max-length'] },
    },
    {
      ...{ vhost: 'shop', action: 'replace', exists: true, kind: 'queue', name: 'bill' },
      attributes: [
        { attribute: 'x-message-ttl', wanted: 60_000, found: null, isRefused: true },
        { attribute: 'x-max-length', wanted: 5, found: 9, isRefused: true },
      ],
      why: 'RabbitMQ cannot change a queue, and refuses the declaration with 406',
      policy: {
        ...{ name: 'bill', pattern: '^bill$', applyTo: 'queues', priority: 0 },
        definition: { 'message-ttl': 60_000, 'max-length': 5 },
      },
    },
  ],
};

const nothing: Plan = { ...plan, create: 0, replace: 0, blocked: 0, differences: [], others: [] };

test('prints a plan at 80 columns', () => {
  assert.fixture(
    textOf(plan, 80),
    `rascal.json against amqp://127.0.0.1:5672, vhost shop

create   queue audit: type quorum, x-max-length 1000
create   queue bill.dead for failed messages of bill

replace  queue bill
         x-message-ttl: 30000 on the broker, 60000 in rascal.json
         x-team: a on the broker, none in rascal.json (RabbitMQ ignores this in
           a declaration)
         why: RabbitMQ cannot change a queue, and refuses the declaration with
              406
         risk: the queue had 12 messages (2 unacknowledged) and 1 consumer at
               the last count, and has 1 binding that rascal.json does not
               define; while it does not exist, a mandatory message to it by
               name is returned, and others are dropped
         gap: typically 25 ms to delete, declare and bind a queue of this type,
              and longer on a busy broker

blocked  queue theirs
         why: it does not exist, and rascal.json leaves its declaration to
              another client ("assert": false)

create   binding orders -> bill (no key)

not in rascal.json, and not part of the plan: 1 queue, 1 binding, 1 policy
  binding orders -> bill (x), between objects of rascal.json
  queue a|b\`@c (classic, exclusive)
  policy p (.*, all)

3 to create, 1 to replace, 1 blocked
`,
  );
});

test('prints the objects of others first if a question follows', () => {
  const text = textOf(plan, 80, { isAsked: true });
  assert.match(text, /vhost shop\n\nnot in rascal\.json, .*\n {2}policy p .*\n\ncreate {3}queue audit/s);
  assert.match(text, /\ncreate {3}binding orders -> bill \(no key\)\n\n3 to create, 1 to replace, 1 blocked\n$/);
});

test('counts exclusive queues with generated names, and does not list them', () => {
  const [first] = plan.others;
  const shape = { type: 'classic', durable: false, autoDelete: false, exclusive: true, arguments: {} };
  const others = [
    {
      ...{ vhost: 'shop', exchanges: [], policies: [] },
      queues: [{ name: 'amq.gen-x', ...shape }, ...(first?.queues ?? [])],
      bindings: [{ ...binding, destination: 'amq.gen-x', isBetweenOwn: false }],
    },
  ];
  for (const text of [textOf({ ...plan, others }, 80), markdownOf({ ...plan, others })]) {
    assert.match(text, 'not part of the plan: 2 queues, 1 binding');
    assert.not.match(text, 'amq.gen');
  }
});

test('names an unfinished replacement', () => {
  const unfinished = [{ vhost: 'shop', queue: 'bill', holding: 'bill.mq-replace' }];
  const left: Plan = { ...plan, create: 0, replace: 0, blocked: 0, differences: [], others: [], unfinished };
  assert.is(
    textOf(left, 200),
    `rascal.json against amqp://127.0.0.1:5672, vhost shop

the replacement of the queue bill was interrupted; its messages are in bill.mq-replace, and mq apply --replace bill finishes it

1 to finish
`,
  );
  assert.match(markdownOf(left), /^### Topology: 1 to finish\n.*`mq apply --replace bill` finishes it\./s);
  assert.is(hintOf(left), undefined);
});

test('prints a plan at 120 columns', () => {
  const [, replaced = ''] = /\n(replace .*?)\n\n/s.exec(textOf(plan, 120)) ?? [];
  assert.fixture(
    replaced,
    `replace  queue bill
         x-message-ttl: 30000 on the broker, 60000 in rascal.json
         x-team: a on the broker, none in rascal.json (RabbitMQ ignores this in a declaration)
         why: RabbitMQ cannot change a queue, and refuses the declaration with 406
         risk: the queue had 12 messages (2 unacknowledged) and 1 consumer at the last count, and has 1 binding that
               rascal.json does not define; while it does not exist, a mandatory message to it by name is returned, and
               others are dropped
         gap: typically 25 ms to delete, declare and bind a queue of this type, and longer on a busy broker`,
  );
});

test('prints a policy, and the policy that makes a replacement unnecessary', () => {
  assert.fixture(
    textOf(policies, 100),
    `rascal.json against amqp://127.0.0.1:5672, vhost shop

update   policy limit
         max-length: 9 on the broker, 5 in rascal.json
         why: it has other values on the broker
         risk: it matches 2 queues (1 of them not in rascal.json) with 7 messages at the last count;
               RabbitMQ may remove messages or queues because of max-length

replace  queue bill
         x-message-ttl: none on the broker, 60000 in rascal.json
         x-max-length: 9 on the broker, 5 in rascal.json
         why: RabbitMQ cannot change a queue, and refuses the declaration with 406
         instead: a policy does the same; remove x-message-ttl from rascal.json, keep the broker's
                  value of x-max-length in rascal.json, and add:
         "mq":{"policies":{"shop":{"bill":{"pattern":"^bill$","applyTo":"queues","definition":{"message-ttl":60000,"max-length":5}}}}}

1 to update, 1 to replace
`,
  );
  const [, list] = /\n\n(- .*)\n$/s.exec(markdownOf(policies)) ?? [];
  assert.fixture(
    list ?? '',
    `- policy \`limit\`: it has other values on the broker. Risk: it matches 2 queues (1 of them not in rascal.json) with 7 messages at the last count; RabbitMQ may remove messages or queues because of max-length.
- queue \`bill\`: RabbitMQ cannot change a queue, and refuses the declaration with 406. Instead, a policy does the same: remove x-message-ttl from rascal.json, keep the broker's value of x-max-length in rascal.json, and add \`"mq":{"policies":{"shop":{"bill":{"pattern":"^bill$","applyTo":"queues","definition":{"message-ttl":60000,"max-length":5}}}}}\`.`,
  );
});

test('no line of text is wider than the terminal', () => {
  for (const width of [60, 80, 100, 120])
    assert.equal(
      textOf(plan, width)
        .split('\n')
        .filter((line) => line.length > width),
      [],
    );
});

test('prints Markdown for a comment, with names in code spans', () => {
  assert.fixture(
    markdownOf(plan),
    `### Topology: 3 to create, 1 to replace, 1 blocked

\`rascal.json\` against \`amqp://127.0.0.1:5672\`, vhost \`shop\`

| action | object | attribute | wanted | found |
|---|---|---|---|---|
| create | queue \`audit\` | \`type quorum\`, \`x-max-length 1000\` | | |
| create | queue \`bill.dead\` for failed messages of \`bill\` |  | | |
| **replace** | queue \`bill\` | \`x-message-ttl\` | \`60000\` | \`30000\` |
|  |  | \`x-team\` (ignored in a declaration) | \`none\` | \`a\` |
| **blocked** | queue \`theirs\` |  | | |
| create | binding \`orders\` -> \`bill\` (no key) |  | | |

- queue \`bill\`: RabbitMQ cannot change a queue, and refuses the declaration with 406. Risk: the queue had 12 messages (2 unacknowledged) and 1 consumer at the last count, and has 1 binding that rascal.json does not define; while it does not exist, a mandatory message to it by name is returned, and others are dropped. Gap: typically 25 ms to delete, declare and bind a queue of this type, and longer on a busy broker.
- queue \`theirs\`: it does not exist, and rascal.json leaves its declaration to another client ("assert": false).

<details><summary>Not in rascal.json, and not part of the plan: 1 queue, 1 binding, 1 policy</summary>

- binding \`orders\` -> \`bill\` (\`x\`), between objects of rascal.json
- queue \`\` a|b\`@c \`\` (\`classic\`, exclusive)
- policy \`p\` (\`.*\`, \`all\`)

</details>
`,
  );
});

test('reports that there is nothing to do', () => {
  assert.is(textOf(nothing, 80), 'rascal.json against amqp://127.0.0.1:5672, vhost shop\n\nnothing to do\n');
  assert.is(
    markdownOf(nothing),
    '### Topology: nothing to do\n\n`rascal.json` against `amqp://127.0.0.1:5672`, vhost `shop`\n',
  );
  assert.is(hintOf(nothing), undefined);
});

test('a plan of definitions names them instead of the broker, and has no hint', () => {
  const exported: Plan = { ...plan, source: 'definitions', against: 'd.json' };
  assert.match(textOf(exported, 80), /30000 in the definitions, 60000 in rascal.json/);
  assert.is(hintOf(exported), undefined);
});

test('a plan of several vhosts names the vhost of each object', () => {
  const several: Plan = { ...plan, vhosts: ['shop', 'lab'] };
  assert.match(textOf(several, 80), /^create {3}queue audit in vhost shop: type quorum/m);
  assert.match(markdownOf(several), /^\| create \| queue `audit` in `shop` \|/m);
  assert.match(markdownOf(several), /^- queue `bill` in `shop`: RabbitMQ cannot change/m);
});

test('a plan reports vhosts of the file that are one vhost on the broker', () => {
  const together: Plan = { ...nothing, merged: [{ vhost: 'shop', names: ['a', 'b', 'c`'] }] };
  assert.is(
    textOf(together, 120),
    `rascal.json against amqp://127.0.0.1:5672, vhost shop
the vhosts a, b and c\` of rascal.json are one vhost on the broker, shop, because their address names it

nothing to do
`,
  );
  assert.match(markdownOf(together), /^The vhosts `a`, `b` and `` c` `` of rascal.json are one vhost .* names it\.$/m);
});

test('a plan over AMQP lists what was not compared', () => {
  const visible: Plan = { ...nothing, source: 'amqp', notCompared: ['policies', 'bindings'] };
  const line = 'not compared, because AMQP does not show it: policies, bindings';
  assert.is(
    textOf(visible, 80),
    `rascal.json against amqp://127.0.0.1:5672, vhost shop\n${line}\n\nno exchange or queue is missing\n`,
  );
  assert.match(markdownOf(visible), /^Not compared, because AMQP does not show it: policies, bindings\.$/m);
  assert.is(hintOf(visible), undefined);
  assert.is(hintOf({ ...visible, create: 1 }), 'mq declare creates what is missing');
});

test('a plan with only ignored differences has a hint of its own', () => {
  const ignored = { attribute: 'x-team', wanted: null, found: 'a', isRefused: false };
  const replaced = { ...plan.differences[2], attributes: [ignored] };
  const only = { ...nothing, create: 1, replace: 1, differences: [plan.differences[0], replaced] } as Plan;
  assert.match(hintOf(only) ?? '', /^RabbitMQ ignores .*, so roles and mq declare work/);
  assert.not.match(hintOf(plan) ?? '', /ignores/);
  assert.not.match(hintOf({ ...only, blocked: 1 }) ?? '', /ignores/);
});

test('long lists are shortened', () => {
  const [first] = plan.others;
  const queues = Array.from({ length: 100 }, (_, at) => ({ ...first?.queues[0], name: `q${at}` }));
  const many = { ...nothing, others: [{ ...first, queues }] } as Plan;
  assert.match(textOf(many, 80), /\n {2}… and 82 more; --json lists all\n/);
  assert.match(markdownOf(many), /\n- … and 52 more\n/);
  const differences = Array.from({ length: 200 }, () => plan.differences[0]);
  assert.match(
    markdownOf({ ...nothing, differences } as Plan),
    /\n\| … \| 50 more rows; `mq plan` shows all \| \| \| \|\n/,
  );
});

const pruned: Plan = {
  ...nothing,
  delete: 3,
  differences: [
    {
      ...{ vhost: 'shop', action: 'delete', exists: true, kind: 'exchange', name: 'old', attributes: [] },
      why: 'rascal.json does not define it, and "owns" matches its name',
      risk: { otherBindings: [] },
      obstacles: ["it routes to the queue 'theirs'"],
    },
    {
      ...{ vhost: 'shop', action: 'delete', exists: true, kind: 'queue', name: 'old', attributes: [] },
      why: 'rascal.json does not define it, and "owns" matches its name',
      risk: {
        ...{ messages: 2, unacknowledged: 1, consumers: 0 },
        otherBindings: ['a', 'b', 'c', 'd'].map((key) => ({ ...binding, destination: 'old', key })),
      },
    },
    {
      ...{ vhost: 'shop', action: 'delete', exists: true, kind: 'binding', attributes: [], ...binding },
      why: 'rascal.json does not define it, and "owns" matches both ends',
    },
  ],
};

test('describes deletions as text, with risks and obstacles', () => {
  assert.is(
    textOf(pruned, 100),
    `rascal.json against amqp://127.0.0.1:5672, vhost shop

delete   exchange old
         why: rascal.json does not define it, and "owns" matches its name
         risk: it has no binding; publishing to it then fails
         in the way: it routes to the queue 'theirs'

delete   queue old
         why: rascal.json does not define it, and "owns" matches its name
         risk: the queue had 2 messages (1 unacknowledged) and 0 consumers at the last count; it has
               4 bindings that are deleted with it: orders -> old (a), orders -> old (b), orders ->
               old (c), and 1 more

delete   binding orders -> bill (x)
         why: rascal.json does not define it, and "owns" matches both ends

3 to delete
`,
  );
  assert.is(hintOf(pruned), 'mq apply --prune also deletes what rascal.json owns and no longer defines');
});

test('describes deletions as Markdown', () => {
  const lines = markdownOf(pruned).split('\n');
  assert.ok(lines.includes('| **delete** | exchange `old` | | | |'));
  assert.ok(
    lines.includes(
      '- exchange `old`: rascal.json does not define it, and "owns" matches its name. Risk: it has no binding; publishing to it then fails. In the way: `it routes to the queue \'theirs\'`.',
    ),
  );
});

test.run();
