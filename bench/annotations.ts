// Times the reading of an annotation file of COCO train2017's size, first by scanning, then from
// the index, each in a process of its own with its peak memory.
//   node --import tsx bench/annotations.ts [share of the full size, default 1]
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadAnnotations } from '../src/data/annotationIndex.ts';
import { toGroundTruth, toRecords } from '../src/data/annotationTable.ts';
import { COCO_TRAIN, writeLikeCoco } from './likeCoco.ts';

function load(file: string): void {
  const start = performance.now();
  const table = loadAnnotations(file, 17);
  const read = performance.now();
  const records = toRecords(
    table,
    (name) => join('train2017', name),
    { width: 288, height: 384 },
    200,
  );
  const recordsDone = performance.now();
  const truth = toGroundTruth(table);
  const end = performance.now();
  const rss = (1024 * process.resourceUsage().maxRSS) / 1e6;
  console.log(
    `read ${(read - start).toFixed(0)} ms, records ${(recordsDone - read).toFixed(0)} ms, ` +
      `ground truth ${(end - recordsDone).toFixed(0)} ms; peak ${rss.toFixed(0)} MB; ` +
      `${records.length} records, ${truth.images.length} images, ${truth.annotations.length} annotations`,
  );
}

function main(share: number): void {
  const folder = mkdtempSync(join(tmpdir(), 'hrpose-annotations-'));
  try {
    const file = join(folder, 'person_keypoints_train2017.json');
    writeLikeCoco(file, { ...COCO_TRAIN, share, seed: 1 });
    console.log(`${(statSync(file).size / 1e6).toFixed(1)} MB`);
    for (const label of ['scan ', 'index'])
      process.stdout.write(
        `${label}: ${execFileSync(process.execPath, ['--import', 'tsx', fileURLToPath(import.meta.url), '--load', file])}`,
      );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

if (process.argv[2] === '--load') load(process.argv[3]);
else main(Number(process.argv[2] ?? 1));
