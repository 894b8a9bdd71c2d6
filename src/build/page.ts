// Puts the files of mq web's page into the executable: its scripts, with the STOMP client, become one file.

import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { build, type Plugin } from 'esbuild';

/** Of src/web/page, beside its scripts: path in the browser, files, type. */
const files = [
  ['/', ['index.html'], 'text/html; charset=utf-8'],
  ['/page.css', ['page.css', 'live.css', 'topology.css', 'narrow.css'], 'text/css; charset=utf-8'],
  ['/icon.svg', ['icon.svg'], 'image/svg+xml'],
] as const;

/** The esbuild plugin that gives src/web/asset.ts its content. Throws on every warning. */
export const page: Plugin = {
  name: 'page',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]src[\\/]web[\\/]asset\.ts$/ }, async ({ path }) => {
      const folder = join(path, '..', 'page');
      const texts = await Promise.all(
        files.map(async ([url, names, type]) => [url, { type, text: await joined(folder, names) }] as const),
      );
      const script = { type: 'text/javascript; charset=utf-8', text: await bundled(join(folder, 'page.ts')) };
      const assets = { ...Object.fromEntries(texts), '/page.js': script };
      return { contents: `export const assets = ${JSON.stringify(assets)};`, loader: 'js' };
    });
  },
};

async function joined(folder: string, names: readonly string[]): Promise<string> {
  return (await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')))).join('\n');
}

async function bundled(entry: string): Promise<string> {
  const { outputFiles, warnings } = await build({
    entryPoints: [entry],
    bundle: true,
    format: 'iife',
    platform: 'browser',
    target: ['chrome111', 'firefox115', 'safari16.4'],
    minify: true,
    // The licence of the STOMP client stands in the bill of materials; its notice is kept here.
    legalComments: 'eof',
    write: false,
    logLevel: 'silent',
  });
  if (warnings.length > 0) throw new Error(`esbuild warns of ${basename(entry)}: ${warnings.map(({ text }) => text)}`);
  return outputFiles.map(({ text }) => text).join('');
}
