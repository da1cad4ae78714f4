import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import sharp from 'sharp';
import { coco17 } from '../pose/skeletons.ts';
import { drawSheet, type SheetCell, writeSheet } from './sheet.ts';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hrpose-sheet-'));
});
after(() => rm(folder, { recursive: true, force: true }));

/** A grey picture with a white square where the left shoulder is said to be. */
function cell(caption: string): SheetCell {
  const [width, height] = [120, 160];
  const data = new Uint8Array(width * height * 3).fill(90);
  for (let y = 70; y < 91; y++) data.fill(255, (y * width + 50) * 3, (y * width + 71) * 3);
  const truth = new Float32Array(51);
  truth.set([60, 80, 2], 15);
  return { image: { width, height, data }, box: [30, 40, 60, 80], truth, caption };
}

test('the person stands in the middle of both views, the truth drawn on the left only', async () => {
  const view = { width: 60, height: 80 };
  const sheet = await drawSheet([cell('a')], { skeleton: coco17, view });
  const at = (x: number, y: number) => [
    ...sheet.data.subarray((y * sheet.width + x) * 3, (y * sheet.width + x) * 3 + 3),
  ];
  assert.deepEqual([sheet.width, sheet.height], [6 + 60 + 6 + 60 + 6, 6 + 80 + 9 + 6 + 6]);
  // The box is 80 px tall in a view of 80, of which it may fill four fifths.
  const [left, right, top] = [at(6 + 30, 6 + 40), at(6 + 60 + 6 + 30, 6 + 40), at(6 + 30, 6 + 25)];
  assert.deepEqual(right, [255, 255, 255]);
  assert.deepEqual(top, [90, 90, 90]);
  assert.notDeepEqual(left, right);
  assert.ok(left[2]! > left[0]! + 60, `blue for the left side, got ${left}`);
});

test('a sheet is written as PNG or JPEG with as many rows as it takes', async () => {
  const cells = Array.from({ length: 5 }, (_, i) => cell(`image ${i}, OKS 0.5`));
  for (const [name, format] of [
    ['sheet.png', 'png'],
    ['sheet.jpg', 'jpeg'],
  ] as const) {
    await writeSheet(join(folder, name), cells, {
      skeleton: coco17,
      columns: 2,
      view: { width: 60, height: 80 },
    });
    const found = await sharp(join(folder, name)).metadata();
    assert.deepEqual([found.format, found.width, found.height], [format, 2 * 132 + 6, 3 * 101 + 6]);
  }
  const missing = join(folder, 'no', 'sheet.png');
  await assert.rejects(
    writeSheet(missing, cells, { skeleton: coco17 }),
    /cannot write .*Check that its folder/,
  );
  assert.deepEqual((await readdir(folder)).sort(), ['sheet.jpg', 'sheet.png']);
});

test('a caption longer than its cell is cut off', async () => {
  const options = { skeleton: coco17, columns: 2, view: { width: 60, height: 80 } };
  const [long, short] = [
    await drawSheet([cell('W'.repeat(80)), cell('')], options),
    await drawSheet([cell(''), cell('')], options),
  ];
  const changed = long.data.findLastIndex((v, i) => v !== short.data[i]);
  const columns = new Set<number>();
  for (let i = 0; i <= changed; i++)
    if (long.data[i] !== short.data[i]) columns.add(Math.floor(i / 3) % long.width);
  assert.ok(columns.size > 50);
  assert.ok(Math.max(...columns) < 6 + 126, `reaches column ${Math.max(...columns)}`);
});
