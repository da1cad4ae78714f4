// A folder for the files of a test, gone when the tests of its file have ended.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'hrpose-test-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
