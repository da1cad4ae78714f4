import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import sharp from 'sharp';
import { HrposeError } from '../../errors.ts';
import { coco17 } from '../../pose/skeletons.ts';
import { type SynthOptions, writeDataset } from './writeDataset.ts';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hrpose-synth-'));
});
after(() => rm(folder, { recursive: true, force: true }));

const options = (name: string, more: Partial<SynthOptions> = {}): SynthOptions => ({
  out: join(folder, name),
  train: 5,
  val: 2,
  seed: 9,
  workers: 0,
  size: { width: 160, height: 120 },
  skeleton: coco17,
  ...more,
});

/** Every file under a folder with its bytes, by name. */
async function contents(root: string): Promise<Record<string, string>> {
  const files = (await readdir(root, { recursive: true, withFileTypes: true })).filter((f) =>
    f.isFile(),
  );
  const paths = files.map(({ parentPath, name }) => join(parentPath, name)).sort();
  const bytes = await Promise.all(paths.map((path) => readFile(path, 'base64')));
  return Object.fromEntries(paths.map((path, i) => [path.slice(root.length + 1), bytes[i]!]));
}

test('the same settings give the same bytes with any number of workers', async () => {
  const summary = await writeDataset(options('alone'));
  assert.equal(summary.written, true);
  await writeDataset(options('threads', { workers: 2 }));
  const alone = await contents(join(folder, 'alone'));
  assert.equal(Object.keys(alone).length, 5 + 2 + 2 + 1);
  assert.deepEqual(await contents(join(folder, 'threads')), alone);
  await writeDataset(options('other', { seed: 10 }));
  const other = await contents(join(folder, 'other'));
  assert.notEqual(other['train/000000000001.jpg'], alone['train/000000000001.jpg']);
});

test('the annotation file is COCO, and its pictures are there', async () => {
  const { persons, out } = await writeDataset(options('coco', { workers: 1 }));
  let found = 0;
  for (const [split, count] of [
    ['train', 5],
    ['val', 2],
  ] as const) {
    const file = join(out, 'annotations', `person_keypoints_${split}.json`);
    const { images, annotations, categories } = JSON.parse(await readFile(file, 'utf8'));
    assert.equal(images.length, count);
    assert.deepEqual(categories[0].keypoints, coco17.keypoints);
    assert.equal(categories[0].skeleton.length, coco17.limbs.length);
    for (const { id, file_name, width, height } of images) {
      const { format, ...size } = await sharp(join(out, split, file_name)).metadata();
      assert.deepEqual([format, size.width, size.height], ['jpeg', width, height]);
      assert.ok(annotations.some((a: { image_id: number }) => a.image_id === id));
    }
    annotations.forEach((a: Record<string, unknown>, i: number) => {
      const keypoints = a.keypoints as number[];
      const visible = keypoints.filter((_, k) => k % 3 === 2);
      assert.equal(a.id, i + 1);
      assert.deepEqual([a.category_id, a.iscrowd, a.segmentation], [1, 0, []]);
      assert.equal(a.num_keypoints, visible.filter((v) => v > 0).length);
      visible.forEach((v, k) => {
        const [x, y] = keypoints.slice(k * 3, k * 3 + 2) as [number, number];
        assert.ok(v === 0 ? x === 0 && y === 0 : x >= 0 && x <= 159 && y >= 0 && y <= 119);
      });
    });
    found += annotations.length;
  }
  assert.equal(found, persons);
});

test('a complete data set is kept, a damaged or different one is drawn again', async () => {
  const first = await writeDataset(options('kept'));
  assert.equal((await writeDataset(options('kept', { workers: 1 }))).written, false);
  await rm(join(first.out, 'train', '000000000003.jpg'));
  assert.equal((await writeDataset(options('kept'))).written, true);
  assert.equal((await writeDataset(options('kept', { val: 3 }))).written, true);
  assert.equal((await readdir(join(first.out, 'val'))).length, 3);
  assert.equal((await writeDataset(options('kept', { val: 3, force: true }))).written, true);
});

test('a folder with something else in it is left alone unless forced', async () => {
  const out = join(folder, 'foreign');
  await mkdir(out);
  await writeFile(join(out, 'thesis.txt'), 'years of work');
  await assert.rejects(writeDataset(options('foreign')), (error: HrposeError) => {
    assert.ok(error instanceof HrposeError);
    assert.equal(error.exitCode, 3);
    assert.match(error.message, /holds files .*thesis\.txt.*--force/);
    return true;
  });
  assert.deepEqual(await readdir(out), ['thesis.txt']);
  await writeDataset(options('foreign', { force: true }));
  assert.equal(await readFile(join(out, 'thesis.txt'), 'utf8'), 'years of work');
  await writeFile(join(folder, 'file'), '');
  await assert.rejects(writeDataset(options('file')), /expected .* to be a folder/);
});

test('an interrupted run leaves nothing behind', async () => {
  for (const workers of [0, 2]) {
    const interrupt = new AbortController();
    const run = writeDataset(
      options('cut', {
        workers,
        signal: interrupt.signal,
        onProgress: (done) => done === 2 && interrupt.abort(),
      }),
    );
    await assert.rejects(run, (error: HrposeError) => error.exitCode === 130);
    assert.deepEqual(
      (await readdir(folder)).filter((name) => name.includes('cut')),
      [],
    );
  }
});

test('what a killed run left behind is swept away, also from the middle of moving', async () => {
  const { out } = await writeDataset(options('killed'));
  // No process has this number: Linux ends at 2^22.
  await mkdir(join(out, '.synth-partial-99999999', 'train'), { recursive: true });
  await mkdir(join(out, `.synth-partial-${process.ppid}`));
  await writeFile(join(out, 'synth.json'), JSON.stringify({ settings: null, persons: 0 }));
  await rm(join(out, 'val'), { recursive: true });
  assert.equal((await writeDataset(options('killed'))).written, true);
  const left = (await readdir(out)).sort();
  assert.deepEqual(left, [
    `.synth-partial-${process.ppid}`,
    'annotations',
    'synth.json',
    'train',
    'val',
  ]);
});
