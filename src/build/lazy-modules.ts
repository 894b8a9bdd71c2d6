// Replaces modules that amqplib and Rascal load at once but use little or seldom, because they are most of what a short
// command would load. What is used seldom is loaded when it is called.

import type { Plugin } from 'esbuild';

/** The functions of Lodash and of async that Rascal calls. A test compares them with its source. */
export const usedFunctions = {
  lodash: words(
    'assign cloneDeep compact concat curry defaults defaultsDeep each filter get has isArray isFunction isString keyBy',
    'keys last map noop omit once reduce set sortBy truncate uniq unset values',
  ),
  async: words('compose each eachOfLimit eachSeries mapSeries queue retry series timeout times'),
};

/** Source that replaces a module, by its name. */
const sources: Readonly<Record<string, string>> = {
  // amqplib calls it for amqps. Loading it makes Node parse all root certificates on another thread.
  tls: `exports.connect = (...args) => require('node:tls').connect(...args);`,
  // amqplib calls both, without a message or with one. Neither fails unless amqplib has a bug.
  assert: `
    module.exports = (value, message) => { if (!value) require('node:assert')(value, message); };
    module.exports.equal = (actual, expected) => { if (actual !== expected) require('node:assert').equal(actual, expected); };`,
  // Rascal calls it to create or check a vhost, which mq's settings never ask for.
  http: `exports.request = (...args) => require('node:http').request(...args);`,
  // Rascal reads it for the counter "inMemoryCluster".
  cluster: `
    Object.defineProperty(exports, 'isWorker', { get: () => require('node:cluster').isWorker });
    exports.on = (...args) => require('node:cluster').on(...args);`,
  // Rascal calls less than a tenth of each. A chain of Lodash is a value with these functions as its methods.
  async: usedFunctions.async.map((name) => `exports.${name} = require('async/${name}');`).join(''),
  lodash: `
    const functions = { ${usedFunctions.lodash.map((name) => `${name}: require('lodash/${name}')`).join()} };
    class Chain { constructor(wrapped) { this.value = () => wrapped; } }
    for (const [name, call] of Object.entries(functions))
      Chain.prototype[name] = function (...args) { return new Chain(call(this.value(), ...args)); };
    module.exports = Object.assign((value) => new Chain(value), functions, { chain: (value) => new Chain(value) });`,
  // Rascal calls it for the counter "inMemory".
  'lru-cache': `module.exports = function (options) { return new (require('lru-cache'))(options); };`,
  // Rascal encrypts and decrypts messages with it.
  crypto: `
    for (const name of ['randomBytes', 'createCipheriv', 'createDecipheriv'])
      exports[name] = (...args) => require('node:crypto')[name](...args);`,
  // Rascal calls v4() for ids.
  uuid: `exports.v4 = require('../random-uuid.ts').randomUUID;`,
  // Rascal matches two expressions with named groups. V8 has them; XRegExp brings a copy of core-js.
  xregexp: `
    module.exports = (source) => new RegExp(source);
    module.exports.exec = (text, pattern) => pattern.exec(text);`,
};

/** The esbuild plugin that replaces these modules. */
export const lazyModules: Plugin = {
  name: 'lazy-modules',
  setup(build) {
    build.onResolve({ filter: new RegExp(`^(node:)?(${Object.keys(sources).join('|')})$`) }, ({ path, importer }) =>
      /[\\/]node_modules[\\/](amqplib|rascal)[\\/]/.test(importer)
        ? { path: path.replace(/^node:/, ''), namespace: 'lazy-module' }
        : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: 'lazy-module' }, ({ path }) => ({
      contents: sources[path] ?? '',
      loader: 'js',
      resolveDir: import.meta.dirname,
    }));
  },
};

function words(...lines: string[]): string[] {
  return lines.join(' ').split(' ');
}
