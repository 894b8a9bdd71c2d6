// Puts the documentation pages into the executable, for `mq help <topic>`.

import { pathToFileURL } from 'node:url';
import type { Plugin } from 'esbuild';

/** The esbuild plugin that replaces src/cli/commands/help/pages.ts, which reads files, with the texts of the pages. */
export const manual: Plugin = {
  name: 'manual',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]commands[\\/]help[\\/]pages\.ts$/ }, async ({ path }) => {
      const { pages } = await import(pathToFileURL(path).href);
      return { contents: `const texts = ${JSON.stringify(pages())};\nexport const pages = () => texts;`, loader: 'js' };
    });
  },
};
