import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadConfig } from '../../../src/config/load.ts';
import { MqError } from '../../../src/errors.ts';
import { builtin } from './fixture.ts';

const test = suite('load', { cwd: '' });

test.before.each((context) => {
  context.cwd = realpathSync(mkdtempSync(join(tmpdir(), 'mq-config-')));
});
test.after.each(({ cwd }) => {
  rmSync(cwd, { recursive: true });
});

const file = (summary: string) => JSON.stringify({ mq: { roles: { r: { publish: 'hello', summary } } } });

async function failure(where: { option?: string; env?: Record<string, string>; cwd: string }): Promise<MqError> {
  try {
    await loadConfig({ env: {}, ...where, builtin });
  } catch (error) {
    if (error instanceof MqError) return error;
    throw error;
  }
  throw new Error('no failure');
}

test('prefers --config to MQ_CONFIG, ./rascal.json and the built-in file', async ({ cwd }) => {
  const summary = async (where: { option?: string; env: Record<string, string> }) => {
    const config = await loadConfig({ ...where, cwd, builtin });
    return [config.file, config.folder, config.roles['r']?.summary];
  };
  assert.equal(await summary({ env: {} }), [undefined, undefined, undefined]);
  writeFileSync(join(cwd, 'rascal.json'), file('cwd'));
  assert.equal(await summary({ env: {} }), ['rascal.json', cwd, 'cwd']);
  assert.equal(await summary({ env: { MQ_CONFIG: '' } }), ['rascal.json', cwd, 'cwd']);
  mkdirSync(join(cwd, 'sub'));
  writeFileSync(join(cwd, 'sub', 'env.json'), file('env'));
  const env = { MQ_CONFIG: join(cwd, 'sub', 'env.json') };
  assert.equal(await summary({ env }), ['sub/env.json', join(cwd, 'sub'), 'env']);
  writeFileSync(join(cwd, 'option.json'), `\uFEFF${file('option')}`);
  assert.equal(await summary({ option: './option.json', env }), ['option.json', cwd, 'option']);
});

test('names a file outside the working folder as the user wrote it', async ({ cwd }) => {
  writeFileSync(join(cwd, 'x.json'), file('x'));
  mkdirSync(join(cwd, 'sub'));
  const config = await loadConfig({ option: '../x.json', env: {}, cwd: join(cwd, 'sub'), builtin });
  assert.equal([config.file, config.folder], ['../x.json', cwd]);
});

test('reports why a named file cannot be read', async ({ cwd }) => {
  mkdirSync(join(cwd, 'rascal.json'));
  for (const [where, wording] of [
    [{ option: 'nope.json' }, /nope\.json: no such file/],
    [{ env: { MQ_CONFIG: 'nope.json' } }, /nope\.json: no such file/],
    [{ option: '.' }, /\.: it is a directory/],
    [{ option: '' }, /"": it is a directory/],
    [{}, /rascal\.json: it is a directory/],
  ] as const) {
    const error = await failure({ ...where, cwd });
    assert.is(error.code, 'NO_INPUT');
    assert.match(error.message, wording);
  }
});

test('reports one problem as the message and lists several', async ({ cwd }) => {
  writeFileSync(join(cwd, 'rascal.json'), '{\n  "vhost": {}\n}');
  const one = await failure({ cwd });
  assert.equal(
    [one.code, one.message, one.problems.length],
    ['CONFIG', 'rascal.json:2:3: vhost: unknown key (did you mean "vhosts"?)', 0],
  );
  writeFileSync(join(cwd, 'rascal.json'), '{ "a": 1, "b": 2 }');
  const two = await failure({ cwd });
  assert.is(two.message, 'rascal.json has 2 problems');
  assert.equal(two.problems, ['rascal.json:1:3: a: unknown key', 'rascal.json:1:11: b: unknown key']);
});

test('refuses an empty file and a file that is not UTF-8', async ({ cwd }) => {
  writeFileSync(join(cwd, 'rascal.json'), '');
  assert.is((await failure({ cwd })).code, 'CONFIG');
  writeFileSync(join(cwd, 'rascal.json'), Buffer.from([0x7b, 0xff, 0x7d]));
  const error = await failure({ cwd });
  assert.equal([error.code, error.message], ['CONFIG', 'rascal.json is not UTF-8']);
});

test.run();
