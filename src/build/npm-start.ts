// The entry point of the npm package: starts the main piece in the Node that npm uses. The scripts are files next to it.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { joinedName } from './scripts.ts';
import { startPieces } from './start-pieces.ts';

const major = Number(process.versions.node.split('.')[0]);
if (major < 24) {
  process.stderr.write(
    `mq: requires Node 24 or newer, but this is ${process.versions.node} [SYSTEM]\nhint: the executable of the release contains its own Node\n`,
  );
  process.exit(71);
}

const joined: Record<string, string> = JSON.parse(text(joinedName));

startPieces({
  scriptOf: (piece) => joined[piece] ?? piece,
  source: text,
  codeCache: () => undefined,
  builtin: require,
});

function text(name: string): string {
  return readFileSync(join(__dirname, 'pieces', name), 'utf8');
}
