// The engine in a page beside Node's: the same numbers, pictures, batches and training.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { createDnnlBackend } from '../backends/onednn/index.ts';
import { loadDataset } from '../data/dataset.ts';
import { decodeImage } from '../data/image.ts';
import { createLoader } from '../data/loader.ts';
import { noisePicture, writeTinyWeights } from '../infer/tinyModel.testing.ts';
import { packageRoot } from '../packageRoot.ts';
import { temporaryFolder } from '../temporaryFolder.testing.ts';
import { createTrainReport } from '../train/report.ts';
import { demoConfig, settingsOf, tinyRun } from '../train/tinyRun.testing.ts';
import { train } from '../train/train.ts';
import { bundleChecks, launch, serve, skip } from './chromium.testing.ts';

type Checks = typeof import('./page.testing.ts');

const folder = temporaryFolder();
const data = await tinyRun();
if (!skip) await bundleChecks(folder);
const address = await serve({ checks: folder, data: join(data.folder, 'data') });
const browser = skip ? undefined : await launch();

/** Calls a function of page.testing.ts in a fresh page. */
async function inPage<Name extends keyof Checks>(
  name: Name,
  ...args: Parameters<Checks[Name]>
): Promise<Awaited<ReturnType<Checks[Name]>>> {
  const page = await browser!.newPage();
  try {
    await page.goto(address);
    return await page.evaluate(
      async ([path, called, values]) => {
        const checks = await import(path);
        return checks[called](...values);
      },
      ['/checks/checks.js', name, args] as const,
    );
  } finally {
    await page.close();
  }
}

const largestDifference = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);

test('the golden network in eval mode gives the numbers of the spec in a page', { skip }, () =>
  inPage('goldenScoring'),
);

test('a golden training step gives the numbers of the spec in a page', { skip }, () =>
  inPage('goldenStep'),
);

test('a page decodes JPEG and PNG to the pixels that Node has, whatever EXIF says', {
  skip,
}, async () => {
  const { width, height, data: pixels } = noisePicture(61, 47, 1);
  const noise = () => sharp(pixels, { raw: { width, height, channels: 3 } });
  const files = {
    'plain.png': noise().png(),
    'plain.jpg': noise().jpeg({ quality: 90 }),
    'turned.jpg': noise().jpeg({ quality: 90 }).withMetadata({ orientation: 6 }),
    'fine.jpg': noise().jpeg({ quality: 95, chromaSubsampling: '4:4:4' }),
  };
  for (const [name, picture] of Object.entries(files)) {
    writeFileSync(join(folder, name), await picture.toBuffer());
    const inNode = await decodeImage(join(folder, name));
    const shown = await inPage('picture', `/checks/${name}`);
    assert.deepEqual([shown.width, shown.height], [inNode.width, inNode.height], name);
    // Both are libjpeg-turbo's arithmetic.
    assert.equal(largestDifference(shown.data, inNode.data), 0, name);
  }
});

test('a heatmap lies over the picture where its keypoint is drawn', { skip }, async () => {
  // A cell is 12 px wide here: half a cell off, the usual mistake, would be 6 px.
  for (const udp of [false, true]) {
    const [x, y] = await inPage('heatmapOffset', udp);
    assert.ok(Math.abs(x) < 0.3 && Math.abs(y) < 0.3, `off by ${x}, ${y} px (udp ${udp})`);
  }
});

const filesBelow = (path: string) =>
  (readdirSync(path, { recursive: true }) as string[]).map((name) => name.replaceAll('\\', '/'));

/** A config, weights to start from, and the same in the page's words. */
function trainingRun() {
  const weights = writeTinyWeights(join(folder, 'start.safetensors'));
  const options = [
    ...data.options,
    `pretrain_weights=${weights}`,
    `save_dir=${join(data.folder, 'runs')}`,
    'LearningRate.base_lr=0.0002',
    'epoch=4',
    'snapshot_epoch=4',
  ];
  const { settings, resolved } = settingsOf(options);
  const { skeleton, inputSize, target, loss, learningRate, optimizer, bnMomentum } = settings;
  const seed = 5;
  const given = {
    skeleton,
    inputSize,
    paths: filesBelow(join(data.folder, 'data')),
    annotations: 'person_keypoints_train.json',
    scored: 'person_keypoints_val.json',
    settings: { target, loss, learningRate, optimizer, bnMomentum, train: settings.train, seed },
    steps: 10,
  };
  return { options, settings, resolved, given, seed };
}

test('a page makes the batches of Node from a folder of COCO, to the byte', { skip }, async () => {
  const { settings, given, seed } = trainingRun();
  const { skeleton, inputSize, train: how } = settings;
  const { records } = await loadDataset(how.dataset, skeleton, inputSize);
  const { augment, udp } = how;
  const loader = createLoader({ records, skeleton, inputSize, workers: 0, augment, udp, seed });
  const indices = [2, 0, 5, 3];
  for await (const batch of loader.batches([Int32Array.from(indices)], 0)) {
    const { images, keypoints } = await inPage('firstCrops', given, indices);
    assert.equal(largestDifference(images, batch.images), 0);
    assert.equal(largestDifference(keypoints, batch.keypoints), 0);
  }
  await loader.close();
});

test('ten steps of training in a page go as in Node, and hrpose eval scores its file alike', {
  skip,
}, async () => {
  const { options, settings, resolved, given, seed } = trainingRun();
  const backend = createDnnlBackend({ threads: 1 });
  const { runDir } = await train({
    settings,
    config: resolved,
    backend,
    report: createTrainReport({ json: false, quiet: true }),
    evaluate: false,
    seed,
    accumulate: 1,
    saveMinutes: 30,
    skipBadImages: false,
  });
  backend.close();
  const lines = readFileSync(join(runDir, 'metrics.jsonl'), 'utf8').trim().split('\n');
  const inNode = lines.map((line) => JSON.parse(line)).filter(({ event }) => event === 'train');
  const inTab = await inPage('fineTune', '/checks/start.safetensors', given);
  assert.equal(inTab.losses.length, given.steps);
  for (const [i, loss] of inTab.losses.entries()) {
    const error = Math.abs(loss - inNode[i].loss) / inNode[i].loss;
    // Steps whose sign is rounding part the runs, and metrics have six digits.
    assert.ok(error < 2e-3, `step ${i}: ${loss}, Node ${inNode[i].loss} (off ${error})`);
  }

  const file = join(folder, 'from-the-tab.safetensors');
  writeFileSync(file, Uint8Array.from(inTab.file));
  const { stdout } = await promisify(execFile)(process.execPath, [
    join(packageRoot, 'bin/hrpose.js'),
    ...['eval', '-c', demoConfig, '--json', '-o', ...options, `weights=${file}`],
  ]);
  const scored = stdout.split('\n').find((line) => line.includes('"AP"'))!;
  // Float32 in another order of summation.
  assert.ok(Math.abs(JSON.parse(scored).AP - inTab.stats[0]!) < 1e-3, scored);
  const results = readFileSync(join(data.folder, 'runs/demo/keypoints_results.json'), 'utf8');
  const people = JSON.parse(results) as { image_id: number; keypoints: number[] }[];
  assert.equal(people.length, inTab.people.length);
  for (const [i, { image_id, keypoints }] of people.entries()) {
    assert.equal(image_id, inTab.people[i]!.imageId);
    const off = largestDifference(keypoints, inTab.people[i]!.keypoints);
    assert.ok(off < 0.05, `person ${i}: a keypoint is ${off} px off`);
  }
});

test('training in a page goes on where the GPU is lost, with the same steps', {
  skip,
}, async () => {
  const { given } = trainingRun();
  const short = { ...given, steps: 4 };
  const whole = await inPage('fineTune', '/checks/start.safetensors', short);
  const lost = await inPage('fineTune', '/checks/start.safetensors', { ...short, lostAfter: 2 });
  assert.deepEqual(lost.losses, whole.losses);
  assert.ok(Buffer.from(lost.file).equals(Buffer.from(whole.file)));
});
