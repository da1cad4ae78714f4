// Runs in a page: what tests ask of the engine there. Arguments and results are plain data.
import { paintHeatmaps } from '../../web/paint.ts';
import { checkGoldenScoring, checkGoldenStep } from '../models/goldenChecks.testing.ts';
import { boxCrop, readKeypoints } from '../pose/estimate.ts';
import {
  annotationFiles,
  coco17,
  createGpuBackend,
  decodePicture,
  drawModel,
  type FineTuneSettings,
  FineTuning,
  type Gpu,
  makeBatch,
  openDataset,
  openWebGpu,
  readModel,
  type Skeleton,
  scoreModel,
  writeModel,
} from './index.ts';

type GpuBackend = ReturnType<typeof createGpuBackend>;

async function onGpu<T>(use: (backend: GpuBackend, gpu: Gpu) => Promise<T>) {
  const gpu = await openWebGpu();
  const backend = createGpuBackend(gpu, { reopen: openWebGpu });
  try {
    return await use(backend, gpu);
  } finally {
    backend.close();
  }
}

export const goldenScoring = () => onGpu(checkGoldenScoring);

// As wide as golden.gpu.test.ts has it.
export const goldenStep = () => onGpu((backend) => checkGoldenStep(backend, 2));

const fetched = async (address: string) => (await fetch(address)).blob();
const bytesOf = async (address: string) =>
  new Uint8Array(await (await fetched(address)).arrayBuffer());

export async function picture(address: string) {
  const { width, height, data } = await decodePicture(await fetched(address));
  return { width, height, data: Array.from(data) };
}

const datasetAt = (paths: readonly string[], annotations: string, rules: DatasetRules) => {
  const files = paths.map((path) => ({ path, open: () => fetched(`/data/${path}`) }));
  const file = annotationFiles(files).find(({ path }) => path.endsWith(annotations))!;
  return openDataset(files, file, rules);
};

interface DatasetRules {
  readonly skeleton: Skeleton;
  readonly inputSize: { readonly width: number; readonly height: number };
}

interface Training extends DatasetRules {
  readonly paths: readonly string[];
  readonly annotations: string;
  readonly scored: string;
  readonly settings: FineTuneSettings;
  readonly steps: number;
  /** The GPU is lost after this step. */
  readonly lostAfter?: number;
}

/** Trains the model at `address`: losses, the file, its score and the people that it finds. */
export const fineTune = (address: string, given: Training) =>
  onGpu(async (backend, gpu) => {
    const { paths, annotations, settings, steps, lostAfter, skeleton, inputSize } = given;
    const rules = { skeleton, inputSize };
    const dataset = await datasetAt(paths, annotations, rules);
    const { model } = readModel(await bytesOf(address), address);
    const tuning = new FineTuning(backend, { ...model, ...rules }, dataset, settings);
    const losses: number[] = [];
    for (let i = 0; i < steps; i++) {
      losses.push((await tuning.step()).loss);
      if (i + 1 === lostAfter) gpu.device.destroy();
    }
    const trained = await tuning.model();
    tuning.close();
    const scored = await datasetAt(paths, given.scored, rules);
    const score = (await scoreModel(backend, trained, scored, { batch: 4 }))!;
    const people = score.results.map(({ imageId, keypoints }) => ({
      imageId,
      keypoints: Array.from(keypoints),
    }));
    return { losses, stats: score.stats, people, file: Array.from(writeModel(trained)) };
  });

export async function firstCrops(given: Training, indices: readonly number[]) {
  const { paths, annotations, settings, skeleton, inputSize } = given;
  const dataset = await datasetAt(paths, annotations, { skeleton, inputSize });
  const { augment, udp } = settings.train;
  const rules = { skeleton, inputSize, augment, udp, seed: settings.seed };
  const batch = await makeBatch(dataset, rules, Int32Array.from(indices), 0);
  return { images: Array.from(batch.images), keypoints: Array.from(batch.keypoints) };
}

/**
 * One peak drawn over an empty picture: how far the middle of what was painted lies from the middle of the
 * pixel that the keypoint names, px.
 */
export function heatmapOffset(udp: boolean): [number, number] {
  const inputSize = { width: 96, height: 128 };
  const model = { ...drawModel('hrnet-small', 4, coco17, 1), inputSize, udp };
  const [w, h] = [24, 32];
  const heatmaps = new Float32Array(17 * w * h);
  for (let y = 0; y < h; y++)
    for (let x = 0; x < w; x++)
      heatmaps[y * w + x] = Math.exp(-((x - 9.3) ** 2 + (y - 17.8) ** 2) / 8);
  const box = [60, 30, 150, 220] as const;
  const crop = boxCrop(box, inputSize);
  const [keypoints] = readKeypoints(heatmaps, [1, 17, h, w], [crop], model);
  const context = new OffscreenCanvas(320, 320).getContext('2d')!;
  const pose = { box, boxScore: 1, score: 1, crop, heatmaps, keypoints: keypoints! };
  paintHeatmaps(context, pose, model);
  const { data } = context.getImageData(0, 0, 320, 320);
  let [sum, sumX, sumY] = [0, 0, 0];
  for (let i = 0; i < 320 * 320; i++) {
    const alpha = data[4 * i + 3]!;
    sum += alpha;
    sumX += alpha * ((i % 320) + 0.5);
    sumY += alpha * (Math.floor(i / 320) + 0.5);
  }
  return [sumX / sum - keypoints![0]! - 0.5, sumY / sum - keypoints![1]! - 0.5];
}
