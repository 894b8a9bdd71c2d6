// Tests which management API a command uses: that of the option, the variable, rascal.json or the standard port.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { locateManagement, type ManagementSources, parseManagement, urlOf } from '../../../src/admin/address.ts';
import type { ConnectionConfig } from '../../../src/config/config.ts';
import { MqError } from '../../../src/errors.ts';

/** Returns the URLs or the error code. URLs that are derived from the AMQP address follow a `?`. */
function located(sources: Partial<ManagementSources>): string {
  try {
    const found = locateManagement({ option: undefined, variable: undefined, connections: [{}], ...sources });
    return `${found.isNamed ? '' : '? '}${found.addresses.map(urlOf).join(' ')}`;
  } catch (error) {
    assert.instance(error, MqError);
    return (error as MqError).code;
  }
}

const amqp: ConnectionConfig = { protocol: 'amqp', hostname: 'mq1', user: 'anna', password: 'pw' };
const inFile: ConnectionConfig = { ...amqp, management: 'http://api:1' };

const rows: readonly [title: string, sources: Partial<ManagementSources>, expected: string][] = [
  [
    'uses the option before the variable and rascal.json',
    { option: 'http://option:1', variable: 'http://variable:1', connections: [inFile] },
    'http://anna:pw@option:1/',
  ],
  [
    'uses the variable before rascal.json',
    { variable: 'http://variable:1', connections: [inFile] },
    'http://anna:pw@variable:1/',
  ],
  ['uses management in rascal.json before the standard port', { connections: [inFile] }, 'http://anna:pw@api:1/'],
  [
    'accepts management in rascal.json as an object with a url',
    { connections: [{ ...amqp, management: { url: 'https://api:2/mq', options: {} } }] },
    'https://anna:pw@api:2/mq',
  ],
  [
    'skips connections without management if another one has it',
    { connections: [amqp, inFile] },
    'http://anna:pw@api:1/',
  ],
  [
    'derives one address for each connection from the standard port',
    { connections: [amqp, { ...amqp, hostname: 'mq2' }] },
    '? http://anna:pw@mq1:15672/ http://anna:pw@mq2:15672/',
  ],
  [
    'derives the HTTPS port from AMQPS',
    { connections: [{ ...amqp, protocol: 'amqps' }] },
    '? https://anna:pw@mq1:15671/',
  ],
  ['derives nothing from another AMQP port', { connections: [{ ...amqp, port: 5673 }] }, 'CONFIG'],
  ['uses guest and this machine by default', { connections: [{}] }, '? http://guest:guest@localhost:15672/'],
  [
    'keeps a user and password of the named address',
    { option: 'http://own:secret@option:1', connections: [amqp] },
    'http://own:secret@option:1/',
  ],
  [
    'accepts one named address for each node',
    { option: 'http://mq1:1,http://mq2:1', connections: [amqp] },
    'http://anna:pw@mq1:1/ http://anna:pw@mq2:1/',
  ],
  ['needs no AMQP address if the API is named', { option: 'http://x:1', connections: [] }, 'http://guest:guest@x:1/'],
  ['accepts an IPv6 address', { connections: [{ hostname: '::1' }] }, '? http://guest:guest@[::1]:15672/'],
  ['refuses a named address that is not a URL', { variable: 'mq1:15672', connections: [amqp] }, 'USAGE'],
];

for (const [title, sources, expected] of rows) {
  test(title, () => {
    assert.is(located(sources), expected);
  });
}

test('parses the user, the password and a path before /api', () => {
  const [one, two] = parseManagement('https://mq:p%40%2C@h:1/x/api/, http://[::1]', {
    at: 'x',
    login: { user: 'guest', password: 'guest' },
  });
  assert.equal(one, {
    origin: 'https://h:1',
    isSecure: true,
    hostname: 'h',
    port: 1,
    prefix: '/x',
    credentials: { kind: 'password', user: 'mq', password: 'p@,' },
    tls: { files: {}, isInsecure: false },
  });
  assert.equal([two?.origin, two?.hostname, two?.port], ['http://[::1]:80', '::1', 80]);
  assert.equal(two?.credentials, { kind: 'password', user: 'guest', password: 'guest' });
});

test('an address with a user has its own login, others that of the command', () => {
  const login = { token: { kind: 'token', from: 'MQ_TOKEN', token: 'abc' }, tls: { cert: 'c.pem' } } as const;
  const { addresses } = locateManagement({
    option: 'https://api:1,https://own:pw@api:2',
    variable: undefined,
    connections: [],
    login,
  });
  assert.equal(
    addresses.map(({ credentials }) => credentials),
    [
      { kind: 'token', user: '', source: login.token },
      { kind: 'password', user: 'own', password: 'pw' },
    ],
  );
  assert.equal(
    addresses.map(({ tls }) => tls.files),
    [{ cert: 'c.pem' }, { cert: 'c.pem' }],
  );
});

test.run();
