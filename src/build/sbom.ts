// Writes the bill of materials in CycloneDX format: the packages that esbuild has put into the pieces, and the
// libraries in the Node of each platform. `npm sbom` would list the installed packages instead.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { nodeVersion, platforms } from './platforms.ts';

export interface Component {
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
    components: [...(await packagesOf(files, root)), node()],
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

/** Returns Node with its libraries. The Node of this process has the same version as that of all platforms. */
function node(): Component {
  if (process.versions.node !== nodeVersion)
    throw new Error(`this is Node ${process.versions.node}, not ${nodeVersion}`);
  const purl = `pkg:generic/node@${nodeVersion}`;
  return {
    ...{ type: 'platform', 'bom-ref': purl, name: 'node', version: nodeVersion, purl },
    licenses: [{ license: { name: 'MIT' } }],
    properties: [{ name: 'mq:executables', value: platforms.map(({ file }) => file).join(', ') }],
    components: librariesOf(process.versions as Readonly<Record<string, string>>, purl),
  };
}

/** Entries of `process.versions` that are not libraries: Node itself, and the versions of its binary interfaces. */
const noLibraries = ['node', 'modules', 'napi'];

export function librariesOf(versions: Readonly<Record<string, string>>, node: string): Component[] {
  const libraries = Object.entries(versions).filter(([name]) => !noLibraries.includes(name));
  return libraries.map(([name, version]) => {
    const purl = `pkg:generic/${name}@${encodeURIComponent(version)}`;
    return { type: 'library', 'bom-ref': `${node}#${name}`, name, version, purl };
  });
}
