import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseAddress, parseAddresses } from '../../../src/config/address.ts';
import type { ConnectionConfig } from '../../../src/config/config.ts';
import { MqError } from '../../../src/errors.ts';

const parse = (text: string) => parseAddresses(text, { at: '--url', code: 'USAGE' });

test('parses an address', () => {
  assert.equal(parse('amqp://h'), [{ protocol: 'amqp', hostname: 'h' }]);
  assert.equal(parse('AMQPS://u:p%40@h:5671/a%2Fb?heartbeat=5&locale=de_DE'), [
    {
      protocol: 'amqps',
      hostname: 'h',
      port: 5671,
      user: 'u',
      password: 'p@',
      vhost: 'a/b',
      options: { heartbeat: 5, locale: 'de_DE' },
    },
  ]);
  assert.equal(parse('amqp://u@[::1]/'), [{ protocol: 'amqp', hostname: '::1', user: 'u', password: '' }]);
});

test('parses a list of addresses', () => {
  assert.equal(
    parse('amqp://a, amqp://u:x%2Cy@b').map(({ hostname, password }) => [hostname, password]),
    [
      ['a', undefined],
      ['b', 'x,y'],
    ],
  );
});

test('reports each invalid address in one line without the password', () => {
  const cases: [string, RegExp][] = [
    ['', /empty/],
    [' ', /empty/],
    ['amqp://a,', /address 2: the address is empty/],
    ['localhost:5672', /does not begin with amqp/],
    ['s3cret', /does not begin with amqp/],
    ['u:s3cret@h', /does not begin with amqp/],
    ['http://u:s3cret@h', /the scheme is http/],
    ['amqp://', /host is missing/],
    ['amqp://u:s3cret@', /host is missing/],
    ['amqp://u:s3cret@:5672', /host is missing/],
    ['amqp:///v', /host is missing/],
    ['amqp://u:s3cret@h:0', /port/],
    ['amqp://u:s3cret@h:65536', /port/],
    ['amqp://u:s3cret', /port/],
    ['amqp://u:s3cret/x@h', /percent-encoded/],
    ['amqp://u:s3cret?x@h', /percent-encoded/],
    ['amqp://u:s3cret#x@h', /percent-encoded/],
    ['amqp://u:s3cret%@h', /%25/],
    ['amqp://u:s3cret@h/%ff', /%25/],
    ['amqp://u:s3cret@h/..', /vhost/],
    ['amqp://u:s3cret@a b', /not a URL/],
    ['amqp://h?hartbeat=1', /unknown option in the query: "hartbeat" \(did you mean "heartbeat"\?\)/],
    ['amqp://h?constructor=1', /unknown option/],
    ['amqp://h?heartbeat=s3cret', /heartbeat in the query is not a whole number/],
    ['amqp://h?heartbeat=400ms', /heartbeat in the query is not a whole number of seconds/],
    ['amqp://h?heartbeat=-1', /heartbeat in the query is not a whole number/],
  ];
  for (const [text, wording] of cases) {
    try {
      parse(text);
      assert.unreachable(text);
    } catch (error) {
      if (!(error instanceof MqError)) throw error;
      assert.is(error.code, 'USAGE', text);
      assert.match(error.message, wording);
      assert.match(error.message, /^--url: /);
      assert.not.match(error.message, /s3cret|\n/);
    }
  }
});

test("RabbitMQ's URI parameters are accepted, or named in the error", () => {
  const query = 'cacertfile=ca.pem&certfile=c.pem&keyfile=k.pem&verify=verify_peer&server_name_indication=rabbit';
  const { options, socketOptions, tlsFiles } = parseAddress(
    `amqps://h?${query}&heartbeat=20s&channel_max=7`,
  ) as ConnectionConfig;
  assert.equal(options, { heartbeat: 20, channelMax: 7 });
  assert.equal(socketOptions, { servername: 'rabbit' });
  assert.equal(tlsFiles, { ca: 'ca.pem', cert: 'c.pem', key: 'k.pem' });
  assert.is((parseAddress('amqps://h?auth_mechanism=EXTERNAL') as ConnectionConfig).mechanism, 'external');
  for (const [parameter, says] of [
    ['verify=verify_none', /verify in the query must be verify_peer/],
    ['auth_mechanism=amqplain', /auth_mechanism in the query must be external or plain/],
    ['password=s3cret', /password in the query is not supported: .*--key-password-file/],
    ['cacertfle=x', /unknown option in the query: "cacertfle".*cacertfile/],
  ] as const) {
    assert.match(String(parseAddress(`amqps://h?${parameter}`)), says);
  }
});

test.run();
