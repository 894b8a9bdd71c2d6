// Writes the file SHA256SUMS in the format of `sha256sum --check`.

import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';

/** Writes the checksums of the files to `output`, with their names but without folders. */
export async function writeChecksums({ files, output }: { files: readonly string[]; output: string }): Promise<void> {
  let lines = '';
  for (const file of files) {
    lines += `${createHash('sha256')
      .update(await readFile(file))
      .digest('hex')}  ${basename(file)}\n`;
  }
  await writeFile(output, lines);
}
