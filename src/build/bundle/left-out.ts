// Replaces dependencies of testcontainers that mq does not use: Docker over SSH, BuildKit, docker-compose. They make up
// most of its size. Each of them becomes an empty package that throws when it is used.

import type { Plugin } from 'esbuild';

const names = [
  'ssh2',
  'ssh-remote-port-forward',
  '@grpc/grpc-js',
  '@grpc/proto-loader',
  'protobufjs',
  'docker-compose',
];

/** The esbuild plugin that replaces these packages. */
export const leftOut: Plugin = {
  name: 'left-out',
  setup(build) {
    build.onResolve({ filter: new RegExp(`^(${names.join('|')})(/|$)`) }, ({ path }) => ({
      path,
      namespace: 'left-out',
    }));
    build.onLoad({ filter: /.*/, namespace: 'left-out' }, ({ path }) => ({ contents: empty(path), loader: 'js' }));
  },
};

function empty(name: string): string {
  const message = JSON.stringify(`${name} is not part of the mq executable`);
  return `module.exports = new Proxy({}, { get: () => function () { throw new Error(${message}); } });`;
}
