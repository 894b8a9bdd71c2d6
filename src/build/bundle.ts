// Bundles the sources and their packages into pieces: the main file, and a piece for each dynamic `import()`. Code that
// two pieces share becomes a separate piece, so that no class and no package exists twice.

import { basename, join } from 'node:path';
import { build, transform } from 'esbuild';
import { commonJs } from './bundle/commonjs.ts';
import { leftOut } from './bundle/left-out.ts';
import { lazyModules } from './lazy-modules.ts';
import { manual } from './manual.ts';
import { filesOf, page } from './page.ts';
import { mainPiece, type Pieces } from './pieces.ts';

const common = { platform: 'node', target: 'node24', logLevel: 'silent' } as const;

interface Bundle {
  readonly pieces: Pieces;
  /** Files in the pieces, relative to the root. */
  readonly files: ReadonlySet<string>;
}

/**
 * Bundles `entry` (the main file). Throws on every warning of esbuild, because a warning may be an error in the
 * executable.
 */
export async function bundle({ entry, root }: { entry: string; root: string }): Promise<Bundle> {
  const files = new Set<string>();
  // esbuild shares code between pieces only in ESM, but the executable needs CommonJS, so each piece is converted
  // afterwards.
  const bundled = await build({
    ...common,
    entryPoints: [{ in: entry, out: basename(mainPiece, '.js') }],
    absWorkingDir: root,
    outdir: join(root, 'dist'),
    bundle: true,
    format: 'esm',
    splitting: true,
    // The packages that load a native add-on also work without it.
    external: ['*.node'],
    plugins: [leftOut, lazyModules, manual, page(files)],
    metafile: true,
    // esbuild cannot resolve the `require` calls in the UMD build of jsonc-parser.
    alias: { 'jsonc-parser': 'jsonc-parser/lib/esm/main.js' },
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    write: false,
  });
  refuse(bundled.warnings);
  for (const file of filesOf(bundled.metafile)) files.add(file);
  const names = bundled.outputFiles.map((file) => basename(file.path));
  const pieces = new Map<string, string>();
  for (const file of bundled.outputFiles) {
    const name = basename(file.path);
    const { code, warnings } = await transform(withRequire(commonJs(file.text), names), {
      ...common,
      format: 'cjs',
      minifyWhitespace: true,
      sourcefile: name,
    });
    refuse(warnings);
    pieces.set(name, code);
  }
  return { pieces, files };
}

/** Bundles `entry` into one CommonJS source without pieces. */
export async function bundleWhole(entry: string): Promise<string> {
  const bundled = await build({
    ...common,
    entryPoints: [entry],
    bundle: true,
    format: 'cjs',
    minify: true,
    write: false,
  });
  refuse(bundled.warnings);
  return bundled.outputFiles.map((file) => file.text).join('');
}

/**
 * Replaces `import()` of a piece, and of a module of Node, with `require`, because it loads less. `import()` of a user's
 * file is not changed.
 */
function withRequire(source: string, names: readonly string[]): string {
  return source.replaceAll(/\bimport\("(?:\.\/([^"]+)|node:[\w/]+)"\)/g, (whole, name?: string) =>
    name === undefined || names.includes(name)
      ? `Promise.resolve().then(()=>${whole.replace('import', 'require')})`
      : whole,
  );
}

function refuse(warnings: readonly { text: string; location: { file: string; line: number } | null }[]): void {
  if (warnings.length === 0) return;
  const lines = warnings.map(({ text, location }) => `${location ? `${location.file}:${location.line}: ` : ''}${text}`);
  throw new Error(`esbuild warns:\n${lines.join('\n')}`);
}
