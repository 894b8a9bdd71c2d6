// The bill of materials: which packages, and which Node of every platform, are in the executables. From npm and the
// lockfile, in CycloneDX form.

import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';

/** Writes it to `output` and gives `output`. */
export async function writeBillOfMaterials({ root, output }: { root: string; output: string }): Promise<string> {
  const args = [
    'sbom',
    '--sbom-format',
    'cyclonedx',
    '--sbom-type',
    'application',
    '--omit',
    'dev',
    '--package-lock-only',
  ];
  const { stdout } = await promisify(execFile)('npm', args, { cwd: root, maxBuffer: 2 ** 26 });
  const bill = JSON.parse(stdout) as { metadata: { component: { name: string } } };
  bill.metadata.component.name = 'mq'; // npm takes the folder's
  await writeFile(output, `${JSON.stringify(bill, null, 2)}\n`);
  return output;
}
