// Checks the rules of the design on every file of src. A rule is a checker over sources. Each checker also runs on a small
// project that breaks the rule, because a check that cannot fail is worthless.

import { globSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { posix, resolve, sep } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { brokenRows, longTitles, unplainWords } from '../support/english.ts';
import { importsOf as importsIn, type Node, nodesOf, type Import as SourceImport } from '../support/source.ts';

/** Paths are relative to src, with `/`. */
interface Project {
  readonly files: Readonly<Record<string, string>>;
  /** The run-time dependencies of package.json. */
  readonly dependencies: readonly string[];
  /** The files of test, which may import from src. */
  readonly tests?: Readonly<Record<string, string>>;
}

interface Rule {
  readonly title: string;
  /** Returns a line for each violation. */
  readonly check: (project: Project) => string[];
  /** Files that break the rule, and the violations that the checker returns for them. */
  readonly broken: readonly [
    files: Record<string, string>,
    violations: readonly string[],
    dependencies?: readonly string[],
  ][];
  /** Files that look like a violation and are allowed. */
  readonly kept?: Record<string, string>;
}

/** Places that need no seam for the time: they run in a browser, start real processes, or build mq. */
const realTime = ['build', 'cluster', 'harness'];
/** Path → the globals for the time that it may name. */
const timers: Readonly<Record<string, readonly string[]>> = {
  // Rascal started this timer.
  'session/connecting/broker-connection.ts': ['clearInterval'],
};

const features = 'admin apply bench broker cluster handlers harness mcp observe roles topology web'.split(' ');
const core = [
  'arrival-order',
  'login',
  'errors',
  'context',
  'random-uuid',
  'signal',
  'time',
  'tracing',
  'terminal',
  'session',
  'delay',
  'contracts',
  'config',
];
/** The two entries of the executable: the command line, and the process of one test file. */
const entries = ['cli', 'test-process'];
const places = ['main', 'build', ...entries, ...core, ...features];

/** The folders of broker/, from the top to the bottom. A file in broker/ itself is in the layer of its own name. */
const layers = [
  ['management', 'dry-run'],
  ['server'],
  ['connection'],
  ['vhost'],
  ['routing'],
  ['stream'],
  ['queue'],
  ['codec', 'store'],
  [
    'protocol-error',
    'clock',
    'counters',
    'interference',
    'loopback',
    'slices',
    'patterns',
    'bounded-pattern',
    'rabbitmq-version',
  ],
];

/** Start of a path → the features that it may import although it belongs to another feature. */
const exceptions: Readonly<Record<string, readonly string[]>> = {
  'apply/': ['admin', 'topology'],
  'roles/': ['handlers'],
  'harness/suites/': ['admin', 'topology'],
  'topology/route.ts': ['broker'],
};

/** The places a third-party package may be imported from. */
const owners: Readonly<Record<string, readonly string[]>> = {
  '@modelcontextprotocol/server': ['mcp/'],
  '@stomp/stompjs': ['web/page/'],
  '@yao-pkg/pkg': ['build/'],
  ajv: ['contracts/compile.ts'],
  amqplib: ['session.ts', 'session/', 'config/'],
  cac: ['cli/arguments/program.ts'],
  esbuild: ['build/'],
  'fastest-levenshtein': ['terminal/nearest.ts'],
  'jsonc-parser': ['config/'],
  re2js: ['broker/patterns.ts', 'contracts/patterns.ts'],
  rascal: ['session.ts', 'session/', 'config/'],
  'string-width': ['terminal/'],
  testcontainers: ['cluster/'],
  uvu: ['harness/'],
  ws: ['web/'],
  zod: ['mcp/'],
};

/** File → the files of packages that it may import although the package does not export them. */
const hiddenFiles: Readonly<Record<string, readonly string[]>> = {
  'session/patches/handshake.ts': ['../node_modules/amqplib/lib/connection.js'],
  'session/patches/deliveries.ts': [
    '../node_modules/amqplib/lib/channel.js',
    '../node_modules/amqplib/lib/connection.js',
  ],
  'session/patches/outgoing-frames.ts': ['../node_modules/amqplib/lib/connection.js'],
  'session/patches/content-frames.ts': [
    '../node_modules/amqplib/lib/connection.js',
    '../node_modules/amqplib/lib/frame.js',
  ],
};

/** Packages that every run of mq may load; completion loads them at each Tab. */
const smallPackages = ['cac', 'fastest-levenshtein'];

/** The files that a command such as `mq publish to x` loads. */
const shortCommand = ['cli/cli.ts', 'config/load.ts', 'session/session.ts', 'roles/publish.ts'];
/** Modules of Node that each command needs, or that are small. */
const fastModules = 'buffer events fs net os path stream string_decoder timers/promises tty util'
  .split(' ')
  .map((name) => `node:${name}`);

/** Tables may be long. */
const longFiles = ['broker/codec/methods.ts'];
/** `path name` of each function that is clearer in one piece. */
const longFunctions: readonly string[] = [];
const functionLimit = 40;
/** Maximum number of casts in src. `as const` does not count. */
const castLimit = 26;
const lineLimit = 400;
const folderLimit = 20;
/** The files that contain English: code, pages, workflows and scripts. */
const written = [
  'src/**/*.{ts,js}',
  'test/**/*.{ts,js,md}',
  '*.md',
  '.github/**/*.{md,yml,sh}',
  '.github/actions/*/{install,run}',
  'test/setup',
];
const unwritten = ['test/fixtures/**', 'test/support/english.ts'];
const emptyNames = ['util', 'helper', 'common', 'misc', 'type', 'manager', 'service'];
/** Files that have the name of a command. */
const commandNames = ['cli/commands/types.ts'];

const rules: readonly Rule[] = [
  {
    title: 'every file of src has a place in the design',
    check: ({ files }) => Object.keys(files).filter((path) => !places.includes(placeOf(path))),
    broken: [[{ 'lib/queue.ts': '', 'tools.ts': '' }, ['lib/queue.ts', 'tools.ts']]],
    kept: { 'session/connection.ts': '', 'session.ts': '', 'harness/suites/hello.ts': '' },
  },
  {
    title: 'features do not import features, with named exceptions',
    check: overImports(({ from, to }) => {
      const [source, target] = [placeOf(from), placeOf(to)];
      if (source === target || !features.includes(source) || !features.includes(target)) return false;
      return !Object.entries(exceptions).some(([start, allowed]) => from.startsWith(start) && allowed.includes(target));
    }),
    broken: [
      [{ 'roles/worker.ts': "import { x } from '../cluster/node.ts';" }, ['roles/worker.ts imports cluster/node.ts']],
      [{ 'handlers/x.ts': "import type { R } from '../roles/r.ts';" }, ['handlers/x.ts imports roles/r.ts']],
      [{ 'harness/run.ts': "export * from '../admin/api.ts';" }, ['harness/run.ts imports admin/api.ts']],
      [{ 'web/x.ts': "const x = await import('../bench/run.ts');" }, ['web/x.ts imports bench/run.ts']],
      [{ 'web/x.ts': "const x = `${await import('../bench/a.ts')}`;" }, ['web/x.ts imports bench/a.ts']],
      [{ 'web/x.ts': "const x = /'/; import '../bench/a.ts'; const y = /'/;" }, ['web/x.ts imports bench/a.ts']],
    ],
    kept: {
      'roles/worker.ts': "import { x } from '../handlers/make.ts';",
      'harness/suites/topics.ts':
        "import { x } from '../../admin/api.ts'; import { y } from '../../topology/graph.ts';",
      'admin/x.ts': "// import { x } from '../roles/r.ts';\nconst text = \"import { x } from '../roles/r.ts'\";",
    },
  },
  {
    title: 'only main.ts, cli and test-process import upwards, except types',
    check: overImports(({ from, to, isType }) => {
      const [source, target] = [placeOf(from), placeOf(to)];
      if (isType || source === target || source === 'main') return false;
      if (target === 'main') return true;
      if (entries.includes(source)) return false;
      return entries.includes(target) || (!features.includes(source) && features.includes(target));
    }),
    broken: [
      [{ 'roles/x.ts': "import { x } from '../cli/output.ts';" }, ['roles/x.ts imports cli/output.ts']],
      [{ 'config/x.ts': "import { x } from '../roles/table.ts';" }, ['config/x.ts imports roles/table.ts']],
      [{ 'cli/x.ts': "import { x } from '../main.ts';" }, ['cli/x.ts imports main.ts']],
      [{ 'build/x.ts': "import { x } from '../roles/r.ts';" }, ['build/x.ts imports roles/r.ts']],
    ],
    kept: {
      'context.ts': "import type { Handler } from './handlers/handler.ts';",
      'roles/x.ts': "import type { Row } from '../cli/command.ts'; let y: import('../cli/command.ts').Row;",
      'main.ts': "import { run } from './cli/program.ts';",
      'cli/x.ts': "import { x } from '../web/serve.ts';",
    },
  },
  {
    title: 'nothing imports build',
    check: overImports(({ from, to }) => placeOf(to) === 'build' && placeOf(from) !== 'build'),
    broken: [[{ 'cli/x.ts': "import { x } from '../build/version.ts';" }, ['cli/x.ts imports build/version.ts']]],
  },
  {
    title: 'broker imports only errors and time',
    check: overImports(
      ({ from, to }) => placeOf(from) === 'broker' && !['broker', 'errors', 'time'].includes(placeOf(to)),
    ),
    broken: [
      [{ 'broker/x.ts': "import { x } from '../config/load.ts';" }, ['broker/x.ts imports config/load.ts']],
      [{ 'broker/x.ts': "import type { C } from '../context.ts';" }, ['broker/x.ts imports context.ts']],
    ],
    kept: { 'broker/x.ts': "import '../errors.ts'; import '../time.ts'; import { y } from './codec/y.ts';" },
  },
  {
    title: 'only time.ts names the clocks, timers and random numbers of Node',
    check: overFiles((path, text) => {
      if (['time.ts', 'random-uuid.ts'].includes(path) || path.startsWith('web/page/')) return [];
      if (path.endsWith('.d.ts') || realTime.includes(placeOf(path))) return [];
      const named = nodesOf(path, text).flatMap(({ node, parent }) => timeNamed(node, parent) ?? []);
      const names = [...named, ...importsOf(path, text).flatMap(({ specifier }) => timeModule(specifier))];
      return names.filter((name) => !timers[path]?.includes(name)).map((name) => `${path} names ${name}`);
    }),
    broken: [
      [
        { 'roles/x.ts': 'setTimeout(f, 1); clearTimeout(t);' },
        ['roles/x.ts names setTimeout', 'roles/x.ts names clearTimeout'],
      ],
      [{ 'broker/x.ts': 'const next = setImmediate;' }, ['broker/x.ts names setImmediate']],
      [{ 'session/x.ts': 'globalThis.setInterval(f, 1);' }, ['session/x.ts names setInterval']],
      [{ 'session/x.ts': 'const f = (now = performance.now) => now();' }, ['session/x.ts names performance']],
      [
        { 'login/x.ts': 'Date.now(); new Date(); Date();' },
        ['login/x.ts names Date.now', 'login/x.ts names new Date()', 'login/x.ts names Date()'],
      ],
      [{ 'roles/x.ts': 'Math.random();' }, ['roles/x.ts names Math.random']],
      [{ 'roles/x.ts': 'AbortSignal.timeout(1);' }, ['roles/x.ts names AbortSignal.timeout']],
      [
        { 'roles/x.ts': "import { setTimeout as f } from 'node:timers/promises';" },
        ['roles/x.ts names setTimeout', 'roles/x.ts names node:timers/promises'],
      ],
      [{ 'roles/x.ts': "import { randomUUID } from 'node:crypto';" }, ['roles/x.ts names randomUUID']],
      [
        { 'roles/x.ts': 'crypto.getRandomValues(x); process.hrtime();' },
        ['roles/x.ts names getRandomValues', 'roles/x.ts names hrtime'],
      ],
      [{ 'roles/x.ts': "import { v4 } from '../random-uuid.ts';" }, ['roles/x.ts names ../random-uuid.ts']],
    ],
    kept: {
      'time.ts': "import { randomUUID } from './random-uuid.ts'; setTimeout(f, 1);",
      'random-uuid.ts': 'crypto.randomUUID();',
      'roles/x.ts':
        "time.after(1, f); time.randomUUID(); socket.setTimeout(1); new Date(0); Date.parse('x'); Math.max(1);",
      'roles/y.ts': "interface Clock { setTimeout(ms: number): void } const text = 'setTimeout'; // setTimeout",
      'web/page/x.ts': 'setTimeout(f, 1);',
      'harness/x.ts': 'setTimeout(f, 1);',
      'session/connecting/broker-connection.ts': 'clearInterval(broker.keepActive);',
    },
  },
  {
    title: 'the layers of broker import downwards only',
    check: overImports(({ from, to }) => {
      if (placeOf(from) !== 'broker' || placeOf(to) !== 'broker') return false;
      const [source, target] = [layerOf(from), layerOf(to)];
      return source === -1 || source > target;
    }),
    broken: [
      [
        { 'broker/queue/x.ts': "import type { V } from '../vhost/v.ts';" },
        ['broker/queue/x.ts imports broker/vhost/v.ts'],
      ],
      [{ 'broker/store/x.ts': "import { q } from '../queue/q.ts';" }, ['broker/store/x.ts imports broker/queue/q.ts']],
      [{ 'broker/codec/x.ts': "import { s } from '../server.ts';" }, ['broker/codec/x.ts imports broker/server.ts']],
      [{ 'broker/x.ts': "import { s } from './clock.ts';" }, ['broker/x.ts imports broker/clock.ts']],
    ],
    kept: {
      'broker/server.ts': "import { V } from './vhost/v.ts';",
      'broker/queue/x.ts':
        "import { t } from '../codec/t.ts'; import { c } from '../clock.ts'; import { y } from './y.ts';",
    },
  },
  {
    title: 'a folder of cli/commands is imported only by its command',
    check: overImports(({ from, to }) => {
      const [, , folder, file] = to.split('/');
      if (!to.startsWith('cli/commands/') || file === undefined) return false;
      return from !== `cli/commands/${folder}.ts` && !from.startsWith(`cli/commands/${folder}/`);
    }),
    broken: [
      [
        { 'cli/commands/web.ts': "import { x } from './role/x.ts';" },
        ['cli/commands/web.ts imports cli/commands/role/x.ts'],
      ],
    ],
    kept: {
      'cli/commands/role.ts': "import { x } from './role/x.ts';",
      'cli/commands/role/y.ts': "import { x } from './x.ts';",
    },
  },
  {
    title: 'cli and test-process do not import each other',
    check: overImports(({ from, to }) => {
      const [source, target] = [placeOf(from), placeOf(to)];
      return source !== target && entries.includes(source) && entries.includes(target);
    }),
    broken: [
      [{ 'cli/x.ts': "import type { F } from '../test-process/f.ts';" }, ['cli/x.ts imports test-process/f.ts']],
      [{ 'test-process/x.ts': "import { v } from '../cli/v.ts';" }, ['test-process/x.ts imports cli/v.ts']],
    ],
  },
  {
    title: 'nested folders are private to the folder above them',
    check: overImports(({ from, to }) => {
      // amqplib's `exports` hide the files whose reason and headers mq has to read; session/ owns the package.
      if (hiddenFiles[from]?.includes(to)) return false;
      const folder = posix.dirname(to);
      return folder.includes('/') && !from.startsWith(`${posix.dirname(folder)}/`);
    }),
    broken: [
      [{ 'cli/x.ts': "import { x } from '../broker/codec/x.ts';" }, ['cli/x.ts imports broker/codec/x.ts']],
      [{ 'main.ts': "import type { X } from './cli/commands/x.ts';" }, ['main.ts imports cli/commands/x.ts']],
      [{ 'broker/x.ts': "import { x } from './codec/deep/x.ts';" }, ['broker/x.ts imports broker/codec/deep/x.ts']],
    ],
    kept: {
      'broker/x.ts': "import { x } from './codec/x.ts';",
      'broker/codec/x.ts': "import { y } from '../queue.ts';",
    },
  },
  {
    title: 'only main.ts and build name process',
    check: overFiles((path, text) => {
      if (path === 'main.ts' || path.startsWith('build/')) return false;
      const isNamed = nodesOf(path, text).some(({ node, parent }) => isProcess(node, parent));
      return isNamed || importsOf(path, text).some(({ specifier }) => ['process', 'node:process'].includes(specifier));
    }),
    broken: [
      [{ 'roles/x.ts': 'const home = process.env;' }, ['roles/x.ts']],
      [{ 'roles/x.ts': 'const home = globalThis.process.env;' }, ['roles/x.ts']],
      [{ 'roles/x.ts': "const home = globalThis['process'];" }, ['roles/x.ts']],
      [{ 'roles/x.ts': 'const text = `${process.pid}`;' }, ['roles/x.ts']],
      [{ 'roles/x.ts': "import { env } from 'node:process';" }, ['roles/x.ts']],
      [{ 'roles/x.ts': "const { env } = await import('process');" }, ['roles/x.ts']],
    ],
    kept: {
      'main.ts': 'process.exit(0);',
      'build/x.ts': 'process.exit(0);',
      'roles/x.ts': '// the process\nconst text = "process.env"; job.process(); const host: NodeJS.Process = x;',
    },
  },
  {
    title: 'only broker/store/disk.ts uses the file system of the store',
    check: overFiles((path, text) => {
      if (!/^broker\/store(\.ts$|\/)/.test(path) || path === 'broker/store/disk.ts') return false;
      return importsOf(path, text).some(({ specifier }) => /^(node:)?fs(\/promises)?$/.test(specifier));
    }),
    broken: [
      [{ 'broker/store.ts': "import { stat } from 'node:fs/promises';" }, ['broker/store.ts']],
      [{ 'broker/store/log.ts': "const { statSync } = await import('node:fs');" }, ['broker/store/log.ts']],
      [
        { 'broker/store/stream/log.ts': "import type { FileHandle } from 'fs/promises';" },
        ['broker/store/stream/log.ts'],
      ],
    ],
    kept: {
      'broker/store/disk.ts': "import { open } from 'node:fs/promises'; import { statSync } from 'node:fs';",
      'broker/management/node.ts': "import { readFile } from 'node:fs/promises';",
    },
  },
  {
    title: 'only main.ts, build and harness start processes without the context',
    check: overFiles((path, text) => {
      if (path === 'main.ts' || path.startsWith('build/') || path.startsWith('harness/')) return false;
      return importsOf(path, text).some(
        ({ specifier, isType }) => !isType && /^(node:)?child_process$/.test(specifier),
      );
    }),
    broken: [
      [{ 'login/x.ts': "import { spawn } from 'node:child_process';" }, ['login/x.ts']],
      [{ 'handlers/x.ts': "const { exec } = await import('child_process');" }, ['handlers/x.ts']],
    ],
    kept: {
      'harness/x.ts': "import { spawn } from 'node:child_process';",
      'context.ts': "import type { ChildProcess } from 'node:child_process';",
    },
  },
  {
    title: 'a third-party package is imported only by its owner',
    check: overFiles((path, text) =>
      packagesOf(path, text)
        .filter((name) => !owners[name]?.some((owner) => path.startsWith(owner)))
        .map((name) => `${path} imports ${name}`),
    ),
    broken: [
      [{ 'cli/x.ts': "import { cac } from 'cac';" }, ['cli/x.ts imports cac']],
      [{ 'roles/x.ts': "import Vhost from 'rascal/lib/amqp/Vhost';" }, ['roles/x.ts imports rascal']],
      [{ 'web/x.ts': "import express from 'express';" }, ['web/x.ts imports express']],
      [{ 'web/x.ts': "createRequire(import.meta.url)('uvu');" }, ['web/x.ts imports uvu']],
      [{ 'cli/x.ts': "require('@yao-pkg/pkg/lib-es5/sea.js');" }, ['cli/x.ts imports @yao-pkg/pkg']],
    ],
    kept: {
      'cli/arguments/program.ts': "import { cac } from 'cac'; import { join } from 'node:path';",
      'session/connection.ts': "import { x } from 'rascal/lib/amqp/Vhost';",
    },
  },
  {
    title: 'the command tables load only small packages',
    check: ({ files }) =>
      loadsOf('cli/cli.ts', files).flatMap(({ path, specifier }) =>
        isBuiltin(specifier) || smallPackages.includes(specifier) ? [] : `${path} loads ${specifier}`,
      ),
    broken: [
      [
        {
          'cli/cli.ts': "import { x } from '../terminal/table.ts';",
          'terminal/table.ts': "import w from 'string-width';",
        },
        ['terminal/table.ts loads string-width'],
      ],
    ],
    kept: {
      'cli/cli.ts': "import 'cac'; import type { X } from 'ws'; const table = () => import('../terminal/table.ts');",
      'terminal/table.ts': "import w from 'string-width';",
    },
  },
  {
    title: 'a short command loads only modules of Node that load fast',
    check: ({ files }) => {
      const loads = shortCommand.flatMap((path) => loadsOf(path, files));
      const slow = loads.filter(({ specifier }) => isBuiltin(specifier) && !fastModules.includes(specifier));
      return [...new Set(slow.map(({ path, specifier }) => `${path} loads ${specifier}`))];
    },
    broken: [
      [
        {
          'cli/cli.ts': "import { rm } from 'node:fs/promises'; import '../errors.ts';",
          'errors.ts': '',
          'session/session.ts': "import '../random.ts';",
          'random.ts': "import { randomUUID } from 'node:crypto';",
        },
        ['cli/cli.ts loads node:fs/promises', 'random.ts loads node:crypto'],
      ],
    ],
    kept: {
      'cli/cli.ts': "import { promises } from 'node:fs'; const hash = () => import('node:crypto');",
      'observe/server.ts': "import { createServer } from 'node:http';",
    },
  },
  {
    title: 'every dependency of package.json has an owner, and is imported by it',
    check: ({ files, dependencies }) => {
      const imported = new Set(Object.entries(files).flatMap(([path, text]) => packagesOf(path, text)));
      return dependencies.flatMap((name) => {
        if (owners[name] === undefined) return [`${name} has no owner`];
        return imported.has(name) ? [] : [`${name} is not imported`];
      });
    },
    broken: [
      [{ 'cli/arguments/program.ts': "import 'cac';" }, ['uvu is not imported', 'x has no owner'], ['cac', 'uvu', 'x']],
    ],
  },
  {
    title: 'exports are named',
    check: overFiles(
      (path, text) =>
        !path.endsWith('.d.ts') &&
        nodesOf(path, text).some(
          ({ node }) =>
            node.type === 'ExportDefaultDeclaration' ||
            (node.type === 'ExportSpecifier' && (node['exported'] as { name?: unknown }).name === 'default'),
        ),
    ),
    broken: [
      [{ 'roles/x.ts': 'export default function x() {}' }, ['roles/x.ts']],
      [{ 'roles/x.ts': 'const x = 1; export { x as default };' }, ['roles/x.ts']],
    ],
    kept: { 'roles/x.ts': "import { default as x } from './y.ts'; switch (x) { default: }" },
  },
  {
    title: 'there is no any',
    check: overFiles((path, text) => nodesOf(path, text).some(({ node }) => node.type === 'TSAnyKeyword')),
    broken: [[{ 'roles/x.ts': 'function f(x: Array<any>) {}' }, ['roles/x.ts']]],
    kept: { 'roles/x.ts': "// any\nawait Promise.any([]); const match = 'any';" },
  },
  {
    title: 'file names are kebab-case and name their content',
    check: ({ files }) =>
      Object.keys(files).filter((path) => {
        if (commandNames.includes(path)) return false;
        return path.split('/').some((part) => {
          const name = part.replace(/(\.d)?\.[a-z]+$/, '');
          return !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name) || name.split('-').some((word) => isEmpty(word));
        });
      }),
    broken: [
      [{ 'roles/utils.ts': '' }, ['roles/utils.ts']],
      [{ 'cli/queue-manager.ts': '' }, ['cli/queue-manager.ts']],
      [{ 'web/helpers/page.ts': '' }, ['web/helpers/page.ts']],
      [{ 'web/stompPage.ts': '' }, ['web/stompPage.ts']],
    ],
    kept: { 'build/node24.js': '', 'session/rascal.d.ts': '', 'cli/commands/rpc-server.ts': '' },
  },
  {
    title: `no folder holds more than ${folderLimit} files`,
    check: ({ files }) => {
      const counts = new Map<string, number>();
      for (const path of Object.keys(files)) {
        const folder = posix.dirname(path);
        counts.set(folder, (counts.get(folder) ?? 0) + 1);
      }
      return [...counts].flatMap(([folder, count]) => (count > folderLimit ? [`${folder} has ${count}`] : []));
    },
    broken: [
      [
        Object.fromEntries(Array.from({ length: folderLimit + 1 }, (_, index) => [`roles/x${index}.ts`, ''])),
        [`roles has ${folderLimit + 1}`],
      ],
    ],
    kept: Object.fromEntries(Array.from({ length: folderLimit }, (_, index) => [`roles/x${index}.ts`, ''])),
  },
  {
    title: 'only session/patches changes an export of a third-party package',
    check: overFiles((path, text) => {
      if (path.startsWith('session/patches/')) return [];
      const names = packageNames(path, text);
      const changed = nodesOf(path, text).flatMap(({ node }) => names.get(changedBy(node) ?? '') ?? []);
      return changed.map((name) => `${path} changes ${name}`);
    }),
    broken: [
      [{ 'session/x.ts': "import { A } from 'amqplib'; A.prototype.x = 1;" }, ['session/x.ts changes amqplib']],
      [{ 'session/x.ts': "import * as a from 'amqplib'; a.connect = f;" }, ['session/x.ts changes amqplib']],
      [{ 'session/x.ts': "import a from 'amqplib'; Object.assign(a, { f });" }, ['session/x.ts changes amqplib']],
    ],
    kept: {
      'session/patches/x.ts': "import a from 'amqplib'; a.connect = f;",
      'session/x.ts': "import a from 'amqplib'; import { b } from './b.ts'; b.x = a.y; const c = {}; c.a = 1;",
    },
  },
  {
    title: `no file is longer than ${lineLimit} lines, except tables`,
    check: overFiles((path, text) => !longFiles.includes(path) && text.trimEnd().split('\n').length > lineLimit),
    broken: [[{ 'roles/x.ts': 'x\n'.repeat(lineLimit + 1) }, ['roles/x.ts']]],
    kept: { 'roles/x.ts': 'x\n'.repeat(lineLimit), 'broker/codec/methods.ts': 'x\n'.repeat(1000) },
  },
  {
    title: `no function is longer than ${functionLimit} lines, except the named ones`,
    check: overFiles((path, text) =>
      nodesOf(path, text).flatMap(({ node, parent }) => {
        if (!functionTypes.includes(node.type) || lineCount(text, node) <= functionLimit) return [];
        const name = [node['id'], parent?.['key'], parent?.['id']].map(nameOf).find((one) => one !== 'undefined');
        return longFunctions.includes(`${path} ${name}`) ? [] : [`${path} ${name}`];
      }),
    ),
    broken: [
      [{ 'roles/x.ts': `function f() {${'\n'.repeat(functionLimit)}}` }, ['roles/x.ts f']],
      [{ 'roles/x.ts': `const f = () => {${'\n'.repeat(functionLimit)}};` }, ['roles/x.ts f']],
      [{ 'roles/x.ts': `class A { f() {${'\n'.repeat(functionLimit)}} }` }, ['roles/x.ts f']],
    ],
    kept: { 'roles/x.ts': `function f() {${'\n'.repeat(functionLimit - 1)}}` },
  },
  {
    title: 'every export has an importer',
    check: ({ files, tests = {} }) => {
      const imported = new Set(
        Object.entries({ ...files, ...tests }).flatMap(([path, text]) => namesImported(path, text)),
      );
      return Object.entries(files).flatMap(([path, text]) =>
        exportsOf(path, text)
          .filter((name) => !imported.has(`${path} ${name}`) && !imported.has(`${path} *`))
          .map((name) => `${path} ${name}`),
      );
    },
    broken: [
      [
        { 'roles/x.ts': 'export const a = 1; export function b() {} export interface C {}' },
        ['roles/x.ts a', 'roles/x.ts b', 'roles/x.ts C'],
      ],
      [
        { 'roles/x.ts': 'export class A {} export class B {}', 'roles/y.ts': "import { A } from './x.ts';" },
        ['roles/x.ts B'],
      ],
    ],
    kept: {
      'roles/x.ts': 'export const a = 1; export type B = 1; export const c = 1; export interface D {}',
      'roles/y.ts':
        "import { a } from './x.ts'; import type { B } from './x.ts'; export { c } from './x.ts'; let d: import('./x.ts').D;",
      'roles/z.ts': "const { c } = await import('./y.ts');",
    },
  },
  {
    title: `there are at most ${castLimit} casts`,
    check: ({ files }) => {
      const casts = Object.entries(files).flatMap(([path, text]) =>
        isCode(path)
          ? nodesOf(path, text)
              .filter(({ node }) => isCast(node))
              .map(() => path)
          : [],
      );
      return casts.length > castLimit ? casts : [];
    },
    broken: [[{ 'roles/x.ts': 'x as Y;\n'.repeat(castLimit + 1) }, Array(castLimit + 1).fill('roles/x.ts')]],
    kept: { 'roles/x.ts': `${'x as const;\n'.repeat(castLimit + 1)}${'x as Y;\n'.repeat(castLimit)}` },
  },
  {
    title: 'only build uses the console, which handlers/module.ts redirects',
    check: overFiles(
      (path, text) =>
        !path.startsWith('build/') &&
        path !== 'handlers/module.ts' &&
        nodesOf(path, text).some(({ node }) => node.type === 'Identifier' && node['name'] === 'console'),
    ),
    broken: [[{ 'roles/x.ts': "console.log('x');" }, ['roles/x.ts']]],
    kept: { 'roles/x.ts': "// console.log\nconst text = 'console.log';", 'build/x.ts': "console.log('x');" },
  },
  {
    title: 'there is no circle of imports, type imports included',
    check: circles,
    broken: [
      [
        {
          'roles/a.ts': "import { b } from './b.ts';",
          'roles/b.ts': "export { c } from './c.ts';",
          'roles/c.ts': "import './a.ts';",
        },
        ['roles/a.ts → roles/b.ts → roles/c.ts → roles/a.ts'],
      ],
      [
        { 'roles/a.ts': "import { b } from './b.ts';", 'roles/b.ts': "import type { A } from './a.ts';" },
        ['roles/a.ts → roles/b.ts → roles/a.ts'],
      ],
    ],
    kept: { 'roles/a.ts': "import { b } from './b.ts';", 'roles/b.ts': '' },
  },
];

const project: Project = readProject();

const kept = suite('src');
for (const rule of rules) {
  kept(rule.title, () => assert.equal(rule.check(project), []));
}
kept('the rules run on the real files', () => {
  assert.ok(project.files['errors.ts']?.includes('class MqError'));
  assert.ok(Object.entries(project.files).some(([path, text]) => importsOf(path, text).length > 3));
});
kept.run();

const checkers = suite('a project that breaks the rule');
for (const { title, check, broken, kept: good = {} } of rules) {
  checkers(`fails: ${title}`, () => {
    for (const [files, violations, dependencies = []] of broken) {
      assert.equal(check({ files, dependencies }), violations);
    }
    assert.equal(check({ files: good, dependencies: [] }), []);
  });
}
checkers.run();

const prose = suite('English');
prose('no comment, text, title or page has an unplain word', () => {
  const root = resolve(import.meta.dirname, '../..');
  const files = globSync(written, { cwd: root, exclude: unwritten }).sort();
  assert.ok(files.length > 500);
  assert.equal(
    files.flatMap((path) => unplainWords(path.split(sep).join('/'), readFileSync(resolve(root, path), 'utf8'))),
    [],
  );
});
prose('test titles have at most 72 characters', () => {
  const tests = Object.entries(project.tests ?? {}).filter(([path]) => path.endsWith('.test.ts'));
  assert.equal(
    tests.flatMap(([path, text]) => longTitles(path, text)),
    [],
  );
  assert.equal(longTitles('x.test.ts', `test('${'x'.repeat(73)}', () => {}); test('${'x'.repeat(72)}', () => {});`), [
    `x.test.ts:1: ${'x'.repeat(73)}`,
  ]);
});
prose('each row of the check finds its example, and accepts the plain sentence', () => {
  assert.equal(brokenRows(), []);
});
prose.run();

function readProject(): Project {
  const root = resolve(import.meta.dirname, '../..');
  const paths = globSync('src/**/*.{ts,mts,cts,js,mjs,cjs,html,css,sh}', { cwd: root }).sort();
  const { dependencies } = JSON.parse(readFileSync(resolve(root, 'package.json'), 'utf8'));
  const read = (path: string) => [path.split(sep).slice(1).join('/'), readFileSync(resolve(root, path), 'utf8')];
  const tests = globSync('test/**/*.{ts,js}', { cwd: root, exclude: ['test/fixtures/**'] });
  const readTest = (path: string) => [`../${path.split(sep).join('/')}`, readFileSync(resolve(root, path), 'utf8')];
  return {
    files: Object.fromEntries(paths.map(read)),
    dependencies: Object.keys(dependencies),
    tests: Object.fromEntries(tests.map(readTest)),
  };
}

/** Returns the folder directly below src, or the name of the file there without its ending. */
function placeOf(path: string): string {
  return (path.split('/')[0] ?? '').replace(/\.[a-z]+$/, '');
}

/** Returns the index in `layers`, or -1 for a file of broker that belongs to no layer. */
function layerOf(path: string): number {
  const name = (path.split('/')[1] ?? '').replace(/\.ts$/, '');
  if (name === 'store' && !path.includes('/store/')) return layers.findIndex((layer) => layer.includes('server'));
  return layers.findIndex((layer) => layer.includes(name));
}

function isEmpty(word: string): boolean {
  return emptyNames.includes(word) || emptyNames.includes(word.replace(/s$/, ''));
}

const functionTypes = ['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression'];

function lineCount(text: string, node: Node): number {
  return text.slice(Number(node['start']), Number(node['end'])).split('\n').length;
}

/** Returns `true` for `as` and `!`. `as const` is not a cast. */
function isCast(node: Node): boolean {
  if (node.type === 'TSNonNullExpression' || node.type === 'TSTypeAssertion') return true;
  const type = node.type === 'TSAsExpression' ? (node['typeAnnotation'] as Node) : undefined;
  return type !== undefined && nameOf(type['typeName']) !== 'const';
}

/** Returns the names that the declarations of a file export. */
function exportsOf(path: string, text: string): string[] {
  if (!isCode(path) || path.endsWith('.d.ts')) return [];
  return nodesOf(path, text).flatMap(({ node }) => {
    const declaration = node.type === 'ExportNamedDeclaration' ? (node['declaration'] as Node | null) : null;
    if (declaration === null) return [];
    const variables = (declaration['declarations'] as Node[] | undefined) ?? [declaration];
    // `export const { a, b } = …`, with which uvu's names are exported, has no name of its own.
    return variables.flatMap(({ id }) => ((id as Node).type === 'Identifier' ? [nameOf(id)] : []));
  });
}

/** Returns `path name` for each name that a file imports, and `path *` if it may use all names. */
function namesImported(path: string, text: string): string[] {
  if (!isCode(path)) return [];
  return nodesOf(path, text).flatMap(({ node }) => {
    const source = (node['source'] ?? node['argument']) as Node | undefined;
    const specifier = (source?.type === 'TSLiteralType' ? (source['literal'] as Node) : source)?.['value'];
    if (typeof specifier !== 'string' || !specifier.startsWith('.')) return [];
    // From test: `../test/unit/x.ts` imports `../../src/y.ts`.
    const target = posix.join(posix.dirname(path), specifier).replace(/^\.\.\/src\//, '');
    if (node.type === 'TSImportType') return [`${target} ${nameOf(node['qualifier'])}`];
    const specifiers = (node['specifiers'] as Node[] | undefined) ?? [];
    const isWhole = node.type === 'ImportExpression' || node.type === 'ExportAllDeclaration';
    const names = specifiers.map((one) =>
      one.type === 'ImportNamespaceSpecifier' ? '*' : nameOf(one['imported'] ?? one['local']),
    );
    return [...names, ...(isWhole ? ['*'] : [])].map((name) => `${target} ${name}`);
  });
}

/** Returns the package of each name that a file imports from a package, by local name. */
function packageNames(path: string, text: string): Map<string, string> {
  const names = new Map<string, string>();
  for (const { node } of nodesOf(path, text)) {
    if (node.type !== 'ImportDeclaration') continue;
    const { value: specifier } = node['source'] as { value: string };
    if (specifier.startsWith('.') || isBuiltin(specifier)) continue;
    for (const { local } of node['specifiers'] as { local: { name: string } }[]) names.set(local.name, specifier);
  }
  return names;
}

/** Returns the variable whose members a node assigns: `a.b.c = …`, `Object.assign(a.b, …)`, `Object.defineProperty(a, …)`. */
function changedBy(node: Node): string | undefined {
  if (node.type === 'AssignmentExpression') {
    const left = node['left'] as Node;
    return left.type === 'MemberExpression' ? rootOf(left) : undefined;
  }
  if (node.type !== 'CallExpression') return undefined;
  const { callee, arguments: [first] = [] } = node as unknown as { callee: Node; arguments?: Node[] };
  const isChange = /^(assign|definePropert(y|ies)|setPrototypeOf)$/.test(nameOf(callee['property']));
  return isChange && rootOf(callee) === 'Object' && first !== undefined ? rootOf(first) : undefined;
}

function rootOf(node: Node): string | undefined {
  if (node.type === 'MemberExpression') return rootOf(node['object'] as Node);
  return node.type === 'Identifier' ? nameOf(node) : undefined;
}

function nameOf(node: unknown): string {
  return String((node as { name?: unknown } | undefined)?.name);
}

/** Returns `true` for `process` as a variable, or as a member of the global object. */
function isProcess(node: Node, parent: Node | undefined): boolean {
  if (node.type === 'MemberExpression') {
    const { object, property } = node as unknown as { object: Node; property: Node };
    const isGlobal = object.type === 'Identifier' && ['globalThis', 'global'].includes(object['name'] as string);
    return isGlobal && [property['name'], property['value']].includes('process');
  }
  if (node.type !== 'Identifier' || node['name'] !== 'process') return false;
  const isMember = parent?.type === 'MemberExpression' && parent['property'] === node && parent['computed'] !== true;
  const isKey = parent?.['key'] === node && parent['value'] !== node && parent['computed'] !== true;
  const isType = parent?.type === 'TSQualifiedName' || parent?.type === 'TSTypeReference';
  return !isMember && !isKey && !isType;
}

/** Names that are the time or random numbers wherever they are read, also as members. */
const randomNames = 'randomUUID randomBytes randomInt randomFill randomFillSync getRandomValues hrtime'.split(' ');
const timeGlobals = 'performance setTimeout setInterval setImmediate clearTimeout clearInterval clearImmediate'.split(
  ' ',
);
const timeMembers = ['Date.now', 'Math.random', 'AbortSignal.timeout'];

/** Returns the clock, timer or random number of Node that a node names. */
function timeNamed(node: Node, parent: Node | undefined): string | undefined {
  if (node.type === 'NewExpression' || node.type === 'CallExpression') {
    const isDate = nameOf(node['callee']) === 'Date' && (node['arguments'] as unknown[]).length === 0;
    return isDate ? (node.type === 'NewExpression' ? 'new Date()' : 'Date()') : undefined;
  }
  if (node.type === 'MemberExpression') {
    const [object, property] = [nameOf(node['object']), nameOf(node['property'])];
    if (timeMembers.includes(`${object}.${property}`)) return `${object}.${property}`;
    const isGlobal = ['globalThis', 'global'].includes(object) && timeGlobals.includes(property);
    return isGlobal || (randomNames.includes(property) && object !== 'time') ? property : undefined;
  }
  if (node.type === 'ImportSpecifier') {
    const name = nameOf(node['imported']);
    return randomNames.includes(name) ? name : undefined;
  }
  const name = nameOf(node);
  if (node.type !== 'Identifier' || !timeGlobals.includes(name)) return undefined;
  const isMember = parent?.type === 'MemberExpression' && parent['property'] === node && parent['computed'] !== true;
  const isKey = parent?.['key'] === node && parent['value'] !== node;
  return isMember || isKey ? undefined : name;
}

/** Returns the specifier of a module that contains only timers or random numbers. */
function timeModule(specifier: string): string[] {
  const isTimers = /^(node:)?timers(\/promises)?$/.test(specifier);
  return isTimers || /\/random-uuid\.ts$/.test(specifier) ? [specifier] : [];
}

/** Returns a checker that calls `breaks` for each file. The result `true` adds the path of the file. */
function overFiles(breaks: (path: string, text: string) => boolean | string[]): Rule['check'] {
  return ({ files }) =>
    Object.entries(files).flatMap(([path, text]) => {
      if (!isCode(path)) return [];
      const found = breaks(path, text);
      return Array.isArray(found) ? found : found ? [path] : [];
    });
}

/** Returns a checker that calls `breaks` for each import of a file of src. */
function overImports(breaks: (edge: { from: string; to: string; isType: boolean }) => boolean): Rule['check'] {
  return overFiles((from, text) =>
    importsOf(from, text).flatMap(({ to, isType }) =>
      to !== undefined && breaks({ from, to, isType }) ? [`${from} imports ${to}`] : [],
    ),
  );
}

/** Returns the packages and the modules of Node that a file loads at once, also through other files of src. */
function loadsOf(start: string, files: Project['files']): { path: string; specifier: string }[] {
  const seen = new Set<string>();
  const visit = (path: string): { path: string; specifier: string }[] => {
    const text = files[path];
    if (seen.has(path) || text === undefined) return [];
    seen.add(path);
    return importsOf(path, text)
      .filter(({ isType, isLate }) => !isType && !isLate)
      .flatMap(({ specifier, to }) => (to === undefined ? [{ path, specifier }] : visit(to)));
  };
  return visit(start);
}

function packagesOf(path: string, text: string): string[] {
  const outside = importsOf(path, text).filter(({ to, specifier }) => to === undefined && !isBuiltin(specifier));
  return outside.map(({ specifier }) => specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/'));
}

/** Returns each circle once, beginning with its alphabetically first file. */
function circles({ files }: Project): string[] {
  const found = new Set<string>();
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]) => {
    const start = trail.indexOf(path);
    if (start !== -1) {
      const circle = trail.slice(start);
      const first = circle.indexOf([...circle].sort()[0] ?? '');
      const turned = [...circle.slice(first), ...circle.slice(0, first)];
      found.add([...turned, turned[0]].join(' → '));
      return;
    }
    if (done.has(path)) return;
    for (const one of importsOf(path, files[path] ?? '')) {
      if (one.to !== undefined) visit(one.to, [...trail, path]);
    }
    done.add(path);
  };
  for (const path of Object.keys(files)) visit(path, []);
  return [...found];
}

interface Import extends SourceImport {
  /** The imported file of src, or `undefined` for a package. */
  readonly to: string | undefined;
}

function importsOf(path: string, text: string): Import[] {
  if (!isCode(path)) return [];
  return importsIn(path, text).map((one) => {
    const to = one.specifier.startsWith('.') ? posix.join(posix.dirname(path), one.specifier) : undefined;
    return { ...one, to };
  });
}

function isCode(path: string): boolean {
  return /\.[cm]?[jt]s$/.test(path);
}
