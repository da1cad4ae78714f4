// Runs in a page: what tests ask of the engine there. Arguments and results are plain data.
import { checkGoldenScoring } from '../models/goldenChecks.testing.ts';
import { tinyTraining } from '../models/tinyTraining.testing.ts';
import {
  annotationFiles,
  createGpuBackend,
  decodePicture,
  type FineTuneSettings,
  FineTuning,
  makeBatch,
  openDataset,
  openWebGpu,
  readModel,
  type Skeleton,
  scoreModel,
  writeModel,
} from './index.ts';

async function onGpu<T>(use: (backend: ReturnType<typeof createGpuBackend>) => Promise<T>) {
  const gpu = await openWebGpu();
  try {
    return await use(createGpuBackend(gpu));
  } finally {
    gpu.close();
  }
}

export const goldenScoring = () => onGpu(checkGoldenScoring);

export const tinyLosses = (learningRates: readonly number[]) =>
  onGpu(async (backend) => {
    const training = tinyTraining(backend);
    const losses: number[] = [];
    for (const rate of learningRates) losses.push(await training.step(rate));
    return losses;
  });

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
}

/** Trains the model at `address`: losses, the file, its score and the people that it finds. */
export const fineTune = (address: string, given: Training) =>
  onGpu(async (backend) => {
    const { paths, annotations, settings, steps, skeleton, inputSize } = given;
    const rules = { skeleton, inputSize };
    const dataset = await datasetAt(paths, annotations, rules);
    const { model } = readModel(await bytesOf(address), address);
    const tuning = new FineTuning(backend, { ...model, ...rules }, dataset, settings);
    const losses: number[] = [];
    for (let i = 0; i < steps; i++) losses.push((await tuning.step()).loss);
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
