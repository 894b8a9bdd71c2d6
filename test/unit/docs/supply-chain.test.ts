// Checks that builds and releases depend only on pinned versions, which no third party can change.

import { globSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { platforms } from '../../../src/build/platforms.ts';

const root = resolve(import.meta.dirname, '../../..');

test('workflows name each action by the hash of a commit, with its version', () => {
  const files = globSync('.github/{workflows,actions}/**/*.yml', { cwd: root });
  const uses = files.flatMap((file) => readFileSync(resolve(root, file), 'utf8').match(/^.*\buses: .*$/gm) ?? []);
  assert.ok(uses.length > 0);
  for (const line of uses) assert.match(line, /uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
});

test('package.json pins Node for each platform, and the lockfile its hash', () => {
  const { optionalDependencies } = JSON.parse(readFileSync(resolve(root, 'package.json'), 'utf8'));
  const { packages } = JSON.parse(readFileSync(resolve(root, 'package-lock.json'), 'utf8'));
  for (const { node } of platforms) {
    assert.is(optionalDependencies[node.name], node.version, node.name);
    assert.is(packages[`node_modules/${node.name}`].integrity, node.integrity, node.name);
  }
});

test.run();
