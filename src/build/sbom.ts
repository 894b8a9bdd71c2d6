// Writes the bill of materials in CycloneDX format: the packages that esbuild has put into the pieces, the add-ons, and
// the libraries in the Node of each platform. `npm sbom` would list the installed packages instead.

import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { copyBinary } from './node-package.ts';
import { generators, platforms } from './platforms.ts';

interface Component {
  readonly type: 'library' | 'platform';
  readonly 'bom-ref': string;
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly licenses?: readonly { readonly license: { readonly name: string } }[];
  readonly properties?: readonly { readonly name: string; readonly value: string }[];
  /** Components that it contains. */
  readonly components?: readonly Component[];
}

/** Writes the bill for the files of a bundle to `output`, and returns `output`. */
export async function writeBillOfMaterials(given: {
  root: string;
  files: Iterable<string>;
  output: string;
}): Promise<string> {
  const { root, files, output } = given;
  const { name, version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  const bill = {
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: { component: { type: 'application', 'bom-ref': `${name}@${version}`, name, version } },
    components: [...(await packagesOf(files, root)), ...addOns(), ...(await nodes())],
  };
  await writeFile(output, `${JSON.stringify(bill, null, 2)}\n`);
  return output;
}

/** Returns the npm packages that contain the files (relative to `root`), sorted by name. */
export async function packagesOf(files: Iterable<string>, root: string): Promise<Component[]> {
  const folders = new Set([...files].flatMap((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? []));
  const components = await Promise.all(
    [...folders].map(async (folder): Promise<[string, Component]> => {
      const { name, version, license } = JSON.parse(await readFile(join(root, folder, 'package.json'), 'utf8'));
      const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`;
      const licenses = license === undefined ? {} : { licenses: [{ license: { name: String(license) } }] };
      return [purl, { type: 'library', 'bom-ref': purl, name, version, purl, ...licenses }];
    }),
  );
  // A version may be installed in several folders.
  return [...new Map(components.toSorted(([one], [other]) => (one < other ? -1 : 1))).values()];
}

/** Returns the add-ons with the platforms whose executables contain them. */
function addOns(): Component[] {
  return platforms.flatMap(({ addOn, file }): Component[] => {
    if (!addOn) return [];
    const purl = `pkg:npm/${addOn.name.replace('@', '%40')}@${addOn.version}`;
    return [
      {
        ...{ type: 'library', 'bom-ref': purl, name: addOn.name, version: addOn.version, purl },
        licenses: [{ license: { name: 'MIT' } }],
        properties: [{ name: 'mq:executables', value: file }],
      },
    ];
  });
}

/** Returns each version of Node with its libraries and the platforms whose executables contain it. */
async function nodes(): Promise<Component[]> {
  const byVersion = Map.groupBy(platforms, ({ node }) => node.version);
  return Promise.all(
    [...byVersion].map(async ([version, those]): Promise<Component> => {
      const purl = `pkg:generic/node@${version}`;
      const value = those.map(({ file }) => file).join(', ');
      return {
        ...{ type: 'platform', 'bom-ref': purl, name: 'node', version, purl },
        licenses: [{ license: { name: 'MIT' } }],
        properties: [{ name: 'mq:executables', value }],
        components: librariesOf(await versionsOf(version), purl),
      };
    }),
  );
}

/** Entries of `process.versions` that are not libraries: Node itself, and the versions of its binary interfaces. */
const otherVersions = ['node', 'modules', 'napi'];

export function librariesOf(versions: Readonly<Record<string, string>>, node: string): Component[] {
  const libraries = Object.entries(versions).filter(([name]) => !otherVersions.includes(name));
  return libraries.map(([name, version]) => {
    const purl = `pkg:generic/${name}@${encodeURIComponent(version)}`;
    return { type: 'library', 'bom-ref': `${node}#${name}`, name, version, purl };
  });
}

/** Returns `process.versions` of a Node version. A binary of this machine provides them for all platforms. */
async function versionsOf(version: string): Promise<Record<string, string>> {
  const generator = generators.find((node) => node.version === version);
  if (generator === undefined) return Object.fromEntries(Object.entries(process.versions).map(([k, v]) => [k, `${v}`]));
  const folder = await mkdtemp(join(tmpdir(), 'mq-sbom-'));
  try {
    const binary = join(folder, 'node');
    await copyBinary(generator, binary);
    const { stdout } = await promisify(execFile)(binary, ['-p', 'JSON.stringify(process.versions)']);
    const versions: Record<string, string> = JSON.parse(stdout);
    return versions;
  } finally {
    await rm(folder, { recursive: true });
  }
}
