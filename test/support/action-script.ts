// Runs a script of the GitHub action as the action does, with its inputs in the environment.

import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

export const actionFolder = resolve(import.meta.dirname, '../../.github/actions/mq-test');

interface Ended {
  readonly status: number | undefined;
  readonly stdout: string;
  /** Outputs that the script wrote for later steps. */
  readonly output: string;
  /** The summary of the job. */
  readonly summary: string;
}

export function actionScript(name: string, cwd: string, env: Readonly<Record<string, string>>): Promise<Ended> {
  const [output, summary] = [join(cwd, 'output'), join(cwd, 'summary')];
  for (const file of [output, summary]) writeFileSync(file, '');
  const runner = {
    PATH: process.env['PATH'] ?? '',
    RUNNER_OS: 'Linux',
    RUNNER_ARCH: 'X64',
    RUNNER_TEMP: cwd,
    GITHUB_WORKSPACE: cwd,
    GITHUB_OUTPUT: output,
    GITHUB_STEP_SUMMARY: summary,
    ACTION_PATH: actionFolder,
  };
  return new Promise((done) => {
    execFile(join(actionFolder, name), { cwd, env: { ...runner, ...env }, timeout: 60_000 }, (error, stdout) => {
      const status = error === null ? 0 : typeof error.code === 'number' ? error.code : undefined;
      const read = (file: string) => readFileSync(file, 'utf8');
      done({ status, stdout, output: read(output), summary: read(summary) });
    });
  });
}
