// Tests which traces the variables of OpenTelemetry request, and that no warning contains a credential.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { traceSettings } from '../../../../src/observe/traces/settings.ts';

const collector = 'http://127.0.0.1:4318';

/** Returns the settings with the endpoint of a collector. Throws if traces are off or there is a warning. */
function settings(env: Readonly<Record<string, string>> = {}) {
  const { settings, warnings } = traceSettings({ OTEL_EXPORTER_OTLP_ENDPOINT: collector, ...env });
  assert.equal(warnings, []);
  if (!settings) throw new Error('traces are off');
  return settings;
}

function warnings(env: Readonly<Record<string, string>>): readonly string[] {
  return traceSettings({ OTEL_EXPORTER_OTLP_ENDPOINT: collector, ...env }).warnings;
}

function isOff(env: Readonly<Record<string, string>>): boolean {
  return traceSettings({ OTEL_EXPORTER_OTLP_ENDPOINT: collector, ...env }).settings === undefined;
}

test('appends the path of traces to the endpoint of all signals only', () => {
  for (const [given, url] of [
    ['http://collector:4318', 'http://collector:4318/v1/traces'],
    ['http://collector:4318/mine/', 'http://collector:4318/mine/v1/traces'],
    ['https://collector', 'https://collector/v1/traces'],
  ] as const)
    assert.is(settings({ OTEL_EXPORTER_OTLP_ENDPOINT: given }).endpoint.url, url);
  for (const [given, url] of [
    ['http://collector:4318', 'http://collector:4318/'],
    ['http://collector:4318/own', 'http://collector:4318/own'],
  ] as const)
    assert.is(settings({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: given }).endpoint.url, url);
});

test('sends the password of the endpoint, and shows only its host', () => {
  const { endpoint } = settings({ OTEL_EXPORTER_OTLP_ENDPOINT: 'https://me:pass%3Aword@host:1/token?key=hidden' });
  assert.is(endpoint.url, 'https://host:1/token/v1/traces?key=hidden');
  assert.is(endpoint.shown, 'https://host:1');
  assert.is(endpoint.headers.get('authorization'), `Basic ${btoa('me:pass:word')}`);
});

test('reads headers and limits, those of traces first', () => {
  const general = { OTEL_EXPORTER_OTLP_HEADERS: 'api-key=a%20b, x=y', OTEL_EXPORTER_OTLP_TIMEOUT: '2000' };
  const { endpoint } = settings(general);
  assert.equal([...endpoint.headers], [...new Map([['api-key', 'a b'] as const, ['x', 'y'] as const])]);
  assert.is(endpoint.timeoutMs, 2000);
  const own = settings({
    ...general,
    OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'z=1',
    OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: '3',
  });
  assert.equal([...own.endpoint.headers], [['z', '1']]);
  assert.is(own.endpoint.timeoutMs, 3);
  const limits = { OTEL_BSP_MAX_QUEUE_SIZE: '10', OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '20', OTEL_BSP_SCHEDULE_DELAY: '0' };
  assert.equal(settings(limits).limits, { most: 10, batch: 10, delayMs: 0 });
  assert.equal(settings().limits, { most: 2048, batch: 512, delayMs: 5000 });
});

test('OTEL_SERVICE_NAME has precedence over the resource attributes', () => {
  const attributes = { OTEL_RESOURCE_ATTRIBUTES: 'service.name=a,deployment.environment.name=test%2C1' };
  assert.equal({ ...settings(attributes).resource }, { 'service.name': 'a', 'deployment.environment.name': 'test,1' });
  assert.is(settings({ ...attributes, OTEL_SERVICE_NAME: 'b' }).resource['service.name'], 'b');
});

test('traces are off without a warning if the user turns them off', () => {
  for (const env of [{ OTEL_SDK_DISABLED: 'TRUE' }, { OTEL_TRACES_EXPORTER: 'none' }]) {
    assert.ok(isOff(env));
    assert.equal(warnings(env), []);
  }
});

test('another protocol turns traces off, and the warning names what to set', () => {
  const [warning = ''] = warnings({ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' });
  assert.match(
    warning,
    /^traces are off: mq sends them as http\/json, and OTEL_EXPORTER_OTLP_PROTOCOL is 'grpc'; set /,
  );
  assert.ok(isOff({ OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/protobuf' }));
  settings({ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc', OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/json' });
});

test('an endpoint that is not a URL turns traces off', () => {
  for (const url of ['collector:4318', 'ftp://collector', 'http://', 'grpc://me:secret@host'])
    assert.equal(warnings({ OTEL_EXPORTER_OTLP_ENDPOINT: url }), [
      'traces are off: the OTLP endpoint is not a URL with http or https',
    ]);
});

test('an invalid variable is ignored, with a warning that has no value', () => {
  for (const [name, value] of [
    ['OTEL_EXPORTER_OTLP_HEADERS', 'Bearer secret'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'a=%ZZsecret'],
    ['OTEL_EXPORTER_OTLP_TRACES_HEADERS', 'bad name@=secret'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'a=sec%0Aret'],
    ['OTEL_RESOURCE_ATTRIBUTES', 'secret'],
    ['OTEL_EXPORTER_OTLP_TIMEOUT', '-1'],
    ['OTEL_BSP_MAX_QUEUE_SIZE', '0'],
    ['OTEL_TRACES_SAMPLER', 'jaeger_remote'],
    ['OTEL_SDK_DISABLED', 'yes'],
  ] as const) {
    const [first = '', ...others] = warnings({ [name]: value });
    assert.ok(first.startsWith(`${name} is ignored, because it is not `), first);
    assert.not.match(first, /secret|sec|jaeger/);
    assert.equal(others, []);
  }
  const ratio = warnings({ OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '2' });
  assert.equal(ratio, ['OTEL_TRACES_SAMPLER_ARG is ignored, because it is not a number from 0 to 1']);
});

test('a sampler follows the parent only if it is parent-based', () => {
  const low = '0af7651916cd43dd0000000000000001';
  const high = '0af7651916cd43ddf000000000000001';
  const sampled = (name: string, argument = '') => {
    const { sampler } = settings({ OTEL_TRACES_SAMPLER: name, OTEL_TRACES_SAMPLER_ARG: argument });
    return [sampler(low, undefined), sampler(high, undefined), sampler(high, true), sampler(low, false)];
  };
  assert.equal(sampled(''), [true, true, true, false]);
  assert.equal(sampled('always_on'), [true, true, true, true]);
  assert.equal(sampled('always_off'), [false, false, false, false]);
  assert.equal(sampled('parentbased_always_off'), [false, false, true, false]);
  assert.equal(sampled('traceidratio', '0.5'), [true, false, false, true]);
  assert.equal(sampled('parentbased_traceidratio', '0.5'), [true, false, true, false]);
  assert.equal(sampled('traceidratio', '0'), [false, false, false, false]);
  assert.equal(sampled('traceidratio'), [true, true, true, true]);
});

test.run();
