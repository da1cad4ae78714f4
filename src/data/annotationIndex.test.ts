import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { COCO_TRAIN, writeLikeCoco } from '../../bench/likeCoco.ts';
import { temporaryFolder } from '../temporaryFolder.testing.ts';
import { loadAnnotations, readIndex, writeIndex } from './annotationIndex.ts';
import { scanAnnotations } from './coco.ts';
import { openSource } from './openInput.ts';

const folder = temporaryFolder();
process.env.HRPOSE_CACHE = join(folder, 'cache');

/** A twentieth of train2017: 12 MB. */
const large = join(folder, 'large.json');
writeLikeCoco(large, { ...COCO_TRAIN, share: 1 / 20, seed: 1 });
const index = `${large}.hrpose-index`;

const small = join(folder, 'small.json');
writeLikeCoco(small, {
  images: 20,
  annotations: 40,
  labelled: 20,
  polygonPoints: 4,
  share: 1,
  seed: 2,
});
const smallTable = scanAnnotations(openSource(small), 17);
const key = Buffer.alloc(32, 7);

test('a large file is indexed beside itself, and the index holds the same table', () => {
  const scanned = loadAnnotations(large, 17);
  assert.ok(existsSync(index));
  const before = statSync(index).ino;
  assert.deepEqual(loadAnnotations(large, 17), scanned);
  assert.equal(statSync(index).ino, before, 'the second load used the index');
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.endsWith('.tmp')),
    [],
  );
});

test('an index is made anew when its file has another time, size or content', () => {
  loadAnnotations(large, 17);
  const before = statSync(index).ino;
  utimesSync(large, 1, 1);
  loadAnnotations(large, 17);
  assert.notEqual(statSync(index).ino, before);
  const stale = readFileSync(index);
  // Two more pictures: another size. The time is set back to that of the index.
  const text = readFileSync(large, 'utf8');
  const changed = text.replace(
    '"images": [',
    '"images": [{"id": 1, "width": 1, "height": 1, "file_name": "a"}, ',
  );
  writeFileSync(large, changed);
  utimesSync(large, 1, 1);
  const table = loadAnnotations(large, 17);
  assert.equal(table.fileNames[0], 'a');
  assert.ok(!readFileSync(index).equals(stale));
});

test('any damaged byte or missing end of an index is noticed and repaired', () => {
  const path = join(folder, 'small.index');
  assert.ok(writeIndex(path, key, smallTable));
  const bytes = readFileSync(path);
  assert.deepEqual(readIndex(path, key), smallTable);
  assert.equal(readIndex(path, Buffer.alloc(32, 8)), undefined);
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const damaged = Buffer.from(bytes);
      damaged[at] ^= change;
      writeFileSync(path, damaged);
      assert.equal(readIndex(path, key), undefined);
      writeFileSync(path, bytes.subarray(0, at));
      assert.equal(readIndex(path, key), undefined);
    }),
    { seed: 6, numRuns: 200 },
  );
  const scanned = loadAnnotations(large, 17);
  writeFileSync(index, readFileSync(index).fill(1, 5000, 5001));
  assert.deepEqual(loadAnnotations(large, 17), scanned);
  assert.deepEqual(loadAnnotations(large, 17), scanned);
});

test('names in other scripts and numbers in float64 survive', () => {
  const path = join(folder, 'names.index');
  const fileNames = smallTable.fileNames.map((name, i) => (i % 2 ? `größe/図${name}` : ''));
  const table = {
    ...smallTable,
    fileNames,
    keypoints: Float64Array.from(smallTable.keypoints, (x) => x + 0.1),
  };
  writeIndex(path, key, table);
  assert.deepEqual(readIndex(path, key), table);
});

test('where the folder cannot be written the index goes to the cache folder', () => {
  const closed = join(folder, 'closed');
  mkdirSync(closed);
  const file = join(closed, 'large.json');
  writeLikeCoco(file, { ...COCO_TRAIN, share: 1 / 40, seed: 3 });
  // A folder in the index's place keeps even an administrator from writing it.
  mkdirSync(`${file}.hrpose-index`);
  const table = loadAnnotations(file, 17);
  const cache = join(folder, 'cache', 'annotations');
  assert.equal(readdirSync(cache).length, 1);
  const made = statSync(join(cache, readdirSync(cache)[0])).ino;
  assert.deepEqual(loadAnnotations(file, 17), table);
  assert.equal(statSync(join(cache, readdirSync(cache)[0])).ino, made);
});

test('an index for another number of keypoints does not hide the wrong skeleton', () => {
  loadAnnotations(large, 17);
  assert.throws(() => loadAnnotations(large, 16), /annotation 183 has 51 numbers.*expected 48/);
});

test('a twentieth of train2017 loads within a twentieth of the limits', () => {
  rmSync(index, { force: true });
  const script = `
    const { loadAnnotations } = await import(${JSON.stringify(new URL('./annotationIndex.ts', import.meta.url).href)});
    const start = process.cpuUsage();
    loadAnnotations(${JSON.stringify(large)}, 17);
    const { user, system } = process.cpuUsage(start);
    console.log(JSON.stringify({ ms: (user + system) / 1000, rss: process.resourceUsage().maxRSS / 1024 }));`;
  const load = () =>
    JSON.parse(
      execFileSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
        cwd: fileURLToPath(new URL('../..', import.meta.url)),
        encoding: 'utf8',
      }),
    ) as { ms: number; rss: number };
  const scanned = load();
  const indexed = load();
  // 15 s and 1 s for the whole file, in CPU time as other programs may run. Node with tsx alone takes
  // about 120 MiB; the table of the whole file may take the rest of 1.5 GB.
  assert.ok(scanned.ms < 15000 / 20, `scan took ${scanned.ms} ms`);
  assert.ok(indexed.ms < 1000 / 20, `index took ${indexed.ms} ms`);
  assert.ok(scanned.rss < 150 + 1400 / 20, `peak ${scanned.rss} MiB`);
});
