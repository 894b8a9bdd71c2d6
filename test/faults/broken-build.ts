// Builds mq with deliberate errors: replaces texts in a copy of the sources, and bundles the copy for this Node.

import { chmodSync, cpSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { bundle } from '../../src/build/bundle.ts';
import { mainPiece } from '../../src/build/pieces.ts';
import { emptyFolder } from '../support/mq.ts';
import { node } from '../support/node.ts';

/** A file below src, a text in it, and the replacement of this text. */
export type Edit = readonly [file: string, text: string, instead: string];

const root = resolve(import.meta.dirname, '../..');

/** Applies an edit to a source. Throws if the source does not contain the text exactly once. */
export function edited(source: string, [file, text, instead]: Edit): string {
  const times = source.split(text).length - 1;
  if (times !== 1) throw new Error(`${file} contains this ${times} times instead of once: ${text}`);
  return source.replace(text, () => instead);
}

/** Calls `use` with an executable that is built from the edited sources. */
export async function withBuild<T>(edits: readonly Edit[], use: (executable: string) => Promise<T>): Promise<T> {
  const folder = emptyFolder();
  try {
    cpSync(join(root, 'src'), join(folder, 'src'), { recursive: true });
    for (const file of ['package.json', 'rascal.json', 'tsconfig.json']) cpSync(join(root, file), join(folder, file));
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    for (const edit of edits) {
      const path = join(folder, 'src', edit[0]);
      writeFileSync(path, edited(readFileSync(path, 'utf8'), edit));
    }
    const { pieces } = await bundle({ entry: join(folder, 'src', 'main.ts'), root: folder });
    const made = emptyFolder({ 'package.json': '{ "type": "commonjs" }' });
    try {
      for (const [name, source] of pieces) writeFileSync(join(made, name), source);
      const executable = join(made, 'mq');
      writeFileSync(executable, `#!/bin/sh\nexec '${node}' '${join(made, mainPiece)}' "$@"\n`);
      chmodSync(executable, 0o755);
      return await use(executable);
    } finally {
      rmSync(made, { recursive: true });
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}
