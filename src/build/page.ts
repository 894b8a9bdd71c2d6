// Puts the files of mq web's page into the executable. Its scripts and the STOMP client become one file.

import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { build, type Metafile, type Plugin } from 'esbuild';

/** Files of src/web/page other than scripts: URL path, file names, content type. */
const files = [
  ['/', ['index.html'], 'text/html; charset=utf-8'],
  ['/page.css', ['page.css', 'live.css', 'topology.css', 'narrow.css'], 'text/css; charset=utf-8'],
  ['/icon.svg', ['icon.svg'], 'image/svg+xml'],
] as const;

/**
 * Returns the esbuild plugin that generates the content of src/web/asset.ts. Adds the page's files to `used`. Throws on
 * every warning.
 */
export const page = (used: Set<string>): Plugin => ({
  name: 'page',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]src[\\/]web[\\/]asset\.ts$/ }, async ({ path }) => {
      const folder = join(path, '..', 'page');
      const texts = await Promise.all(
        files.map(async ([url, names, type]) => [url, { type, text: await joined(folder, names) }] as const),
      );
      const script = { type: 'text/javascript; charset=utf-8', text: await bundled(join(folder, 'page.ts'), used) };
      const assets = { ...Object.fromEntries(texts), '/page.js': script };
      return { contents: `export const assets = ${JSON.stringify(assets)};`, loader: 'js' };
    });
  },
});

async function joined(folder: string, names: readonly string[]): Promise<string> {
  return (await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')))).join('\n');
}

async function bundled(entry: string, used: Set<string>): Promise<string> {
  const { outputFiles, warnings, metafile } = await build({
    metafile: true,
    absWorkingDir: join(entry, '../../../..'),
    entryPoints: [entry],
    bundle: true,
    format: 'iife',
    platform: 'browser',
    target: ['chrome111', 'firefox115', 'safari16.4'],
    minify: true,
    // The licence of the STOMP client is in the bill of materials, and its notice is kept here.
    legalComments: 'eof',
    write: false,
    logLevel: 'silent',
  });
  if (warnings.length > 0) throw new Error(`esbuild warns of ${basename(entry)}: ${warnings.map(({ text }) => text)}`);
  for (const file of filesOf(metafile)) used.add(file);
  return outputFiles.map(({ text }) => text).join('');
}

/** Returns the files that contribute to the output, relative to the working folder of the build. */
export function filesOf({ outputs }: Metafile): string[] {
  return Object.values(outputs).flatMap(({ inputs }) => {
    return Object.keys(inputs).filter((file) => (inputs[file]?.bytesInOutput ?? 0) > 0);
  });
}
