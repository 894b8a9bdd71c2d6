import { constants, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { platform } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { systemDisk } from '../../../../src/broker/store/disk.ts';
import { withFolder } from './folder.ts';

test('a write to a log file ends when it is on disk', () =>
  withFolder(async (folder) => {
    const path = join(folder, 'x.log');
    for (const flags of ['wx', 'r+'] as const) {
      const file = await systemDisk.openLog(path, flags, 0o600);
      if (platform() === 'linux') assert.ok(isSynced(path), flags);
      await file.writev([Buffer.from(flags), Buffer.from('!')], 0);
      await file.datasync();
      await file.close();
      assert.is(readFileSync(path, 'utf8'), `${flags}!`);
    }
    let refused = '';
    await systemDisk.openLog(path, 'wx').catch(({ code }) => {
      refused = code;
    });
    assert.is(refused, 'EEXIST');
  }));

/** Returns true if this process has opened the file with O_DSYNC. */
function isSynced(path: string): boolean {
  const descriptor = readdirSync('/proc/self/fd').find((fd) => linkOf(fd) === path);
  const flags = /flags:\s+(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, 'utf8'))?.[1];
  return (Number.parseInt(flags ?? '', 8) & constants.O_DSYNC) !== 0;
}

function linkOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return ''; // the descriptor that lists the folder
  }
}

test.run();
