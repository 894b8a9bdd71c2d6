// Runs an interactive shell on its own terminal (made by util-linux's `script`), to test Tab.

import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { skip } from '../../src/harness/test-file/skip.ts';
import { emptyFolder, executable } from './mq.ts';

export type ShellName = 'bash' | 'zsh' | 'fish';

/** Shell → its arguments without user settings, and the commands before its first prompt. */
const starts: Readonly<Record<ShellName, (rc: string) => string>> = {
  bash: (rc) => `bash --noprofile --rcfile ${rc} -i`,
  zsh: (rc) => `env ZDOTDIR=$(dirname ${rc}) zsh -i`,
  fish: (rc) => `fish --no-config --init-command 'source ${rc}'`,
};
const prompts: Readonly<Record<ShellName, string>> = {
  bash: "PS1='rea''dy> '\nbind 'set enable-bracketed-paste off'\n",
  zsh: "PROMPT='rea''dy> '\nunsetopt zle_bracketed_paste 2>/dev/null\nautoload -Uz compinit && compinit -u -D\n",
  fish: "function fish_prompt; printf 'rea%s' 'dy> '; end\n",
};
const loads: Readonly<Record<ShellName, string>> = {
  bash: 'eval "$(mq completions bash)"\n',
  zsh: 'eval "$(mq completions zsh)"\n',
  fish: 'mq completions fish | source\n',
};

/**
 * Types each line with `⇥` for Tab into a shell with the completions of mq, in a folder with the rascal.json. Returns the
 * words that mq received.
 */
export async function pressTab(shell: ShellName, lines: readonly string[], rascal: unknown): Promise<string[][]> {
  if (process.platform !== 'linux') skip('needs script of util-linux');
  if (spawnSync(shell, ['--version']).error && process.env['CI'] !== 'true') skip(`needs ${shell}`);
  const rc = shell === 'zsh' ? '.zshrc' : 'rc';
  const cwd = emptyFolder({ 'rascal.json': JSON.stringify(rascal), [rc]: prompts[shell] + loads[shell] });
  // The real executable answers completions; this script only prints the words of other lines.
  const wrapper = `#!/bin/sh
if [ "$1" = completions ]; then exec ${executable} "$@"; fi
printf '['; for word in "$@"; do printf '<%s>' "$word"; done; printf ']\\n'
`;
  writeFileSync(join(cwd, 'mq'), wrapper);
  chmodSync(join(cwd, 'mq'), 0o755);
  const child = spawn('script', ['-q', '-c', starts[shell](join(cwd, rc)), '/dev/null'], {
    cwd,
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { PATH: `${cwd}${delimiter}${process.env['PATH']}`, HOME: cwd, TERM: 'dumb', LC_ALL: 'C.UTF-8' },
  });
  let screen = '';
  let look = () => {};
  child.stdout.on('data', (chunk: Buffer) => {
    screen += chunk;
    look();
  });
  const ended = new Promise<never>((_, failed) => {
    child.on('error', failed);
    child.on('close', () => failed(new Error(`${shell} ended:\n${screen}`)));
  });
  ended.catch(() => undefined);
  const shows = (pattern: RegExp): Promise<RegExpExecArray> =>
    Promise.race([
      ended,
      new Promise<RegExpExecArray>((found) => {
        look = () => {
          const match = pattern.exec(screen);
          if (match) found(match);
        };
        look();
      }),
    ]);
  try {
    const results: string[][] = [];
    for (const line of lines) {
      await shows(/ready> /);
      screen = '';
      child.stdin.write(`${line.replaceAll('⇥', '\t')}\r`);
      const [, words = ''] = await shows(/\[((?:<[^\r\n]*>)?)\]\r?\n/);
      results.push(words.slice(1, -1).split('><'));
      screen = screen.slice(screen.indexOf(`[${words}]`) + words.length);
    }
    return results;
  } finally {
    child.kill('SIGKILL');
  }
}
