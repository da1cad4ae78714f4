import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { webScript } from './webScript.testing.ts';

const folder = await mkdtemp(join(tmpdir(), 'hrpose-bundle-'));
after(() => rm(folder, { recursive: true }));

test('hrpose/web is one file of less than 150 kB that imports nothing, of Node or else', async () => {
  const { bundleLibrary } = await webScript();
  await bundleLibrary(folder);
  const code = await readFile(join(folder, 'hrpose.js'), 'utf8');
  // Text of messages and shaders may hold such words; a specifier stands in quotes.
  assert.doesNotMatch(code, /["']node:|\bimport\s*[({"']|\bimport\s[^;]{0,500}?\bfrom\s*["']/);
  assert.doesNotMatch(code, /\b(process|Buffer|require)\b\s*[.(]/);
  const { length } = gzipSync(code);
  assert.ok(length < 150_000, `${length} bytes with gzip`);
});
