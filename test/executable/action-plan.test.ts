// Runs the mode plan of the GitHub action against a server that behaves like the API of GitHub.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { skip } from '../../src/harness/test-file/skip.ts';
import { actionScript } from '../support/action-script.ts';
import { executable } from '../support/mq.ts';

/** A script in place of mq that prints its arguments and its variables, and writes the plan of the variable PLAN. */
const fakeMq = `#!/bin/sh
for word in "$@"; do printf '<%s>' "$word"; done
printf '\\n%s %s\\n' "$MQ_URL" "\${INPUT_TOKEN-no token}"
printf '%s\\n' "$PLAN" >"\${3#--out=}"
exit "\${STATUS:-0}"
`;
const heading = '### Topology: 3 to create, 12 to replace, 1 blocked';

const action = suite<{ cwd: string; env: Record<string, string> }>('the mode plan of the action mq-test');
action.before(() => {
  if (process.platform === 'win32') skip('needs bash');
});
action.before.each((context) => {
  const cwd = mkdtempSync(join(tmpdir(), 'mq-action-plan-'));
  writeFileSync(join(cwd, 'mq'), fakeMq, { mode: 0o755 });
  writeFileSync(join(cwd, 'event.json'), '{"pull_request":{"number":7}}');
  context.cwd = cwd;
  context.env = {
    ...{ MQ: join(cwd, 'mq'), STATUS: '1', PLAN: `${heading}\n\n\`rascal.json\` against \`x\`` },
    ...{ INPUT_URL: '', INPUT_AGAINST: '', INPUT_CONFIG: 'rascal.json', INPUT_NAME: '', INPUT_TOKEN: '' },
    ...{ INPUT_FAIL: 'false', INPUT_ARGUMENTS: '', GITHUB_EVENT_PATH: join(cwd, 'event.json') },
    ...{ GITHUB_SERVER_URL: 'https://github.test', GITHUB_REPOSITORY: 'me/shop', GITHUB_RUN_ID: '5' },
  };
});
action.after.each(({ cwd }) => rmSync(cwd, { recursive: true }));

action('writes the summary and the outputs, and passes each input to mq', async ({ cwd, env }) => {
  const plain = await actionScript('plan', cwd, env);
  assert.is(plain.status, 0);
  assert.match(plain.stdout, /^<plan><--markdown><--out=[^<]*\/plan\.md><--config=rascal\.json>\n no token\n$/);
  assert.match(plain.output, /^differences=16\nmarkdown=\/.*\/plan\.md\n$/);
  assert.is(plain.summary, `${env['PLAN']}\n`);
  const full = await actionScript('plan', cwd, {
    ...{ ...env, INPUT_URL: 'amqp://a:secret@b', INPUT_AGAINST: '--json; ls', INPUT_CONFIG: '$(touch evil)' },
    ...{ INPUT_NAME: 'prod 1', INPUT_ARGUMENTS: '--ca=x\n\n--debug', INPUT_TOKEN: '' },
  });
  assert.match(
    full.stdout,
    /><--config=\$\(touch evil\)><--against=--json; ls><--ca=x><--debug>\namqp:\/\/a:secret@b no token\n$/,
  );
  assert.is(full.summary, `## prod 1\n\n${env['PLAN']}\n`);
});

action('differences fail the job only if asked, and a missing plan always does', async ({ cwd, env }) => {
  const statusOf = async (more: Record<string, string>) =>
    (await actionScript('plan', cwd, { ...env, ...more })).status;
  assert.is(await statusOf({ STATUS: '1', INPUT_FAIL: 'true' }), 1);
  assert.is(await statusOf({ STATUS: '0', INPUT_FAIL: 'true' }), 0);
  assert.is(await statusOf({ INPUT_FAIL: 'yes' }), 64);
  assert.is(await statusOf({ INPUT_NAME: '-->' }), 64);
  const none = await actionScript('plan', cwd, { ...env, STATUS: '69' });
  assert.equal([none.status, none.output, none.summary], [69, '', '']);
});

action('creates one comment, updates it, and pages through the others', async ({ cwd, env }) => {
  await withGitHub(async (github) => {
    const run = (more: Record<string, string> = {}) =>
      actionScript('plan', cwd, { ...env, GITHUB_API_URL: github.url, INPUT_TOKEN: 'tok', ...more });
    github.comments.push(...Array.from({ length: 100 }, (_, id) => ({ id, body: id === 1 ? null : 'about mq plan' })));
    const nothing = { STATUS: '0', PLAN: '### Topology: nothing to do' };
    await run(nothing);
    assert.is(github.comments.length, 100, 'nothing to do needs no comment');
    const { status, stdout } = await run();
    assert.is(status, 0);
    assert.not.match(stdout, /::warning/);
    assert.match(stdout, / no token\n/, 'mq does not receive the token');
    assert.is(
      github.comments[100]?.body,
      `<!-- mq plan:  -->\n${env['PLAN']}\n\n[All of the run](https://github.test/me/shop/actions/runs/5)\n`,
    );
    await run({ INPUT_NAME: 'lab' });
    await run(nothing);
    await run({ INPUT_NAME: 'lab', PLAN: `### Topology: 1 to create\n"quotes" \\ $x` });
    assert.is(github.comments.length, 102);
    assert.match(github.comments[100]?.body ?? '', /^<!-- mq plan: {2}-->\n### Topology: nothing to do\n/);
    assert.match(
      github.comments[101]?.body ?? '',
      /^<!-- mq plan: lab -->\n## lab\n\n### Topology: 1 to create\n"quotes" \\ \$x\n/,
    );
    await run({ PLAN: `${heading}\n\nagainst\n${'x'.repeat(70_000)}` });
    assert.match(github.comments[100]?.body ?? '', /\n\nagainst\n\nThe plan is too long for a comment\.\n/);
    assert.ok(github.requests.every((one) => one.startsWith('Bearer tok ')));
  });
});

action('a refused comment is a warning, and a push has no comment', async ({ cwd, env }) => {
  await withGitHub(async (github) => {
    github.refuses = true;
    const refused = await actionScript('plan', cwd, { ...env, GITHUB_API_URL: github.url, INPUT_TOKEN: 'tok' });
    assert.is(refused.status, 0);
    assert.match(refused.stdout, /^::warning title=mq plan::cannot comment .* pull-requests: write$/m);
    github.requests.length = 0;
    writeFileSync(join(cwd, 'event.json'), '{"ref":"refs/heads/main"}');
    const pushed = await actionScript('plan', cwd, { ...env, GITHUB_API_URL: github.url, INPUT_TOKEN: 'tok' });
    assert.equal([pushed.status, github.requests], [0, []]);
    assert.not.match(pushed.stdout, /::warning/);
  });
});

action('counts the differences that mq finds', async ({ cwd, env }) => {
  writeFileSync(
    join(cwd, 'rascal.json'),
    '{"vhosts":{"/":{"exchanges":["e"],"queues":["q","r"],"bindings":["e -> q"]}}}',
  );
  writeFileSync(
    join(cwd, 'd.json'),
    '{"vhosts":[{"name":"/"}],"exchanges":[],"bindings":[],"queues":[{"name":"r","vhost":"/","durable":false}]}',
  );
  const ended = await actionScript('plan', cwd, { ...env, MQ: executable, INPUT_AGAINST: 'd.json' });
  assert.is(ended.status, 0);
  assert.match(ended.output, /^differences=4\n/);
  assert.match(ended.summary, /^### Topology: 3 to create, 1 to replace\n/);
  assert.is(readFileSync(/^markdown=(.*)$/m.exec(ended.output)?.[1] ?? '', 'utf8'), ended.summary);
});

action.run();

interface GitHub {
  readonly url: string;
  readonly comments: { readonly id: number; body: string | null }[];
  /** `Bearer token METHOD path` of each request. */
  readonly requests: string[];
  /** Answers 403 to each request that writes. */
  refuses: boolean;
}

/** Serves the comments of the pull request 7. */
async function withGitHub(use: (github: GitHub) => Promise<void>): Promise<void> {
  const server = createServer((request, response) => {
    const { method = '', url = '', headers } = request;
    const { pathname, searchParams } = new URL(url, 'http://github.test');
    github.requests.push(`${headers.authorization} ${method} ${pathname}`);
    let text = '';
    request.on('data', (chunk) => (text += chunk));
    request.on('end', () => {
      const answer = (status: number, body: unknown) => response.writeHead(status).end(JSON.stringify(body));
      const [, id] = /^\/repos\/me\/shop\/issues\/comments\/(\d+)$/.exec(pathname) ?? [];
      if (method !== 'GET' && github.refuses) return answer(403, {});
      const at = (Number(searchParams.get('page')) - 1) * 100;
      if (method === 'PATCH' && id !== undefined) {
        const comment = github.comments.find((one) => one.id === Number(id));
        if (comment === undefined) return answer(404, {});
        comment.body = (JSON.parse(text) as { body: string }).body;
        return answer(200, {});
      }
      if (pathname !== '/repos/me/shop/issues/7/comments') return answer(404, {});
      if (method === 'GET') return answer(200, github.comments.slice(at, at + 100));
      github.comments.push({ id: 1000 + github.comments.length, ...(JSON.parse(text) as { body: string }) });
      return answer(201, {});
    });
  });
  const comments: GitHub['comments'] = [];
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const { port } = server.address() as AddressInfo;
  const github: GitHub = { url: `http://127.0.0.1:${port}`, comments, requests: [], refuses: false };
  try {
    await use(github);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}
