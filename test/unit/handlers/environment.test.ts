import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { childEnvironment, unmatched } from '../../../src/handlers/environment.ts';

const env = {
  ...{ PATH: '/bin', LC_TIME: 'C', APP_ENV: 'test', AWS_KEY: 'k', AWS_REGION: 'r', EMPTY: '' },
  ...{ MQ_URL: 'amqp://u:secret@h', MQ_MANAGEMENT_URL: 'http://u:secret@h', MQ_TOKEN: 'secret' },
  ...{ TRACEPARENT: "the worker's", TRACESTATE: "the worker's", NUL: 'a\0b', ABSENT: undefined },
};
const usual = { PATH: '/bin', LC_TIME: 'C', PYTHONUNBUFFERED: '1' };
const users = { ...usual, APP_ENV: 'test', AWS_KEY: 'k', AWS_REGION: 'r', EMPTY: '' };

const plain = (variables: object) => ({ ...variables });

test('inherits the environment without variables of mq and trace context', () => {
  assert.equal(plain(childEnvironment(env, {})), users);
});

test('a clean environment contains only the usual and the named variables', () => {
  assert.equal(plain(childEnvironment(env, { isClean: true })), usual);
  const pass = ['APP_ENV', 'AWS_*'];
  const { EMPTY, ...named } = users;
  assert.equal(plain(childEnvironment(env, { isClean: true, pass })), named);
});

test('inherits variables of mq only by name or by a pattern with MQ_', () => {
  assert.equal(plain(childEnvironment(env, { pass: ['*', 'M*'] })), users);
  assert.equal(plain(childEnvironment(env, { pass: ['MQ_URL'] })), { ...users, MQ_URL: env.MQ_URL });
  const all = childEnvironment(env, { pass: ['MQ_*'] });
  assert.equal([all['MQ_URL'], all['MQ_TOKEN']], [env.MQ_URL, 'secret']);
});

test('set variables override inherited ones; PYTHONUNBUFFERED defaults to 1', () => {
  const variables = childEnvironment({ ...env, PYTHONUNBUFFERED: '' }, { set: { APP_ENV: 'mine', MQ_URL: 'mine' } });
  assert.equal([variables['APP_ENV'], variables['MQ_URL'], variables['PYTHONUNBUFFERED']], ['mine', 'mine', '']);
});

test('returns the names and patterns that match no variable', () => {
  assert.equal(unmatched(env, ['APP_ENV', 'AWS_*', 'MQ_URL', 'APP', 'GCP_*', 'ABSENT']), ['APP', 'GCP_*', 'ABSENT']);
});

test.run();
