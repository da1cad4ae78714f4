// Measuring the network: steps on random pictures, with the time of every step, or of every kernel.
import type { Backend, StepProfile } from '../backends/backend.ts';
import { philox } from '../data/philox.ts';
import type { Size } from '../data/record.ts';
import { drawnWeights, drawWeights } from '../models/drawWeights.ts';
import { type HrnetConfig, macs } from '../models/hrnetConfigs.ts';
import { imagenet, usualTraining } from '../models/usualTraining.ts';
import { calibrate } from './calibrate.ts';
import { HeatmapNetwork } from './heatmapNetwork.ts';
import { median } from './median.ts';
import { chooseMemoryPlan, type RecomputeMode } from './memoryPlan.ts';
import { Trainer, type TrainingBatch } from './trainer.ts';

export interface MeasureOptions {
  readonly config: HrnetConfig;
  readonly inputSize: Size;
  readonly batch: number;
  /** Timed steps, after one or two that are not; left out: as many as a minute has room for, from 2 to 5. */
  readonly steps?: number | undefined;
  /** Hears how many steps are done, those that are not timed among them. */
  readonly onStep?: (done: number) => void;
  /** Training with less memory (default off); see memoryPlan.ts. */
  readonly recompute?: RecomputeMode;
  /** Inference in 8 bits. */
  readonly int8?: boolean;
}

export interface Measurement {
  readonly job: 'train' | 'infer';
  /** Median. */
  readonly imagesPerSecond: number;
  readonly stepMilliseconds: readonly number[];
  /** The first step, with all that a device leaves until then: compiling, first touch of memory. */
  readonly firstStepMilliseconds: number;
  /** Arithmetic of the convolutions, by the median step: 2 operations a multiply-add, 3 passes in training. */
  readonly gigaflops: number;
  readonly peakRssMb: number;
  /** Activations and workspaces of the program. */
  readonly programMb: number;
  readonly prepareSeconds: number;
  readonly profile: readonly StepProfile[];
}

function randomBatch({ config, inputSize, batch }: MeasureOptions): TrainingBatch {
  const rng = philox(0, 0, 0, 'measure');
  const { width, height } = inputSize;
  const images = new Uint8Array(batch * width * height * 3);
  for (let i = 0; i < images.length; i += 4)
    new DataView(images.buffer).setUint32(i, rng.integer(2 ** 32));
  const keypoints = Float32Array.from({ length: batch * config.keypoints * 2 }, (_, i) =>
    rng.integer(i % 2 === 0 ? width : height),
  );
  const visible = new Float32Array(batch * config.keypoints).fill(1);
  return { size: batch, images, keypoints, visible };
}

const peakRssMb = () => (1024 * process.resourceUsage().maxRSS) / 1e6;

/** ms: a first step this slow tells that a second one to warm up brings nothing, */
const slowStep = 20_000;
/** and how long steps are timed where their number is not given. */
const patience = 60_000;

type Timing = Pick<Measurement, 'firstStepMilliseconds' | 'stepMilliseconds'>;

/** Runs `step` once or twice to warm up, then as often as asked. */
async function time(
  { steps, onStep = () => {} }: MeasureOptions,
  step: () => Promise<unknown>,
): Promise<Timing> {
  let done = 0;
  const timed = async () => {
    const start = performance.now();
    await step();
    onStep(++done);
    return performance.now() - start;
  };
  const firstStepMilliseconds = await timed();
  if (steps !== 1 && firstStepMilliseconds < slowStep) await timed();
  const stepMilliseconds: number[] = [];
  while (stepMilliseconds.length < (steps ?? affordable(stepMilliseconds)))
    stepMilliseconds.push(await timed());
  return { firstStepMilliseconds, stepMilliseconds };
}

/** How many steps there is time for, judged by those that were timed. */
function affordable(milliseconds: readonly number[]): number {
  if (milliseconds.length === 0) return 2;
  return Math.max(2, Math.min(5, Math.floor(patience / median(milliseconds))));
}

function summarize(
  options: MeasureOptions,
  job: 'train' | 'infer',
  timing: Timing,
  rest: Pick<Measurement, 'programMb' | 'prepareSeconds' | 'profile'>,
): Measurement {
  const seconds = median(timing.stepMilliseconds) / 1000;
  const passes = job === 'train' ? 3 : 1;
  const operations = 2 * passes * options.batch * macs(options.config, options.inputSize);
  return {
    job,
    imagesPerSecond: options.batch / seconds,
    ...timing,
    gigaflops: operations / seconds / 1e9,
    peakRssMb: peakRssMb(),
    ...rest,
  };
}

/** Whole training steps: gradients and update. */
export async function measureTraining(
  backend: Backend,
  options: MeasureOptions,
): Promise<Measurement> {
  const { config, inputSize, batch } = options;
  const start = performance.now();
  const training = usualTraining(inputSize, batch);
  const { activationBytes, memory } = backend;
  const { recompute } = chooseMemoryPlan(
    config,
    { training, activationBytes, memory, workers: 0 },
    options.recompute ?? 'off',
    backend.availableBytes(),
  );
  const adam = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, l2: 0 };
  const trainer = new Trainer(backend, { config, ...training, adam, recompute }, batch);
  try {
    trainer.setWeights(drawWeights(config, 0));
    const prepareSeconds = (performance.now() - start) / 1000;
    const data = randomBatch(options);
    const timing = await time(options, async () => {
      await trainer.step(data, 1, 5e-4);
    });
    const profile = await trainer.profile(data, 5e-4);
    const programMb = trainer.programBytes / 1e6;
    return summarize(options, 'train', timing, { programMb, prepareSeconds, profile });
  } finally {
    trainer.close();
  }
}

async function inferenceNetwork(
  backend: Backend,
  { config, inputSize, batch, int8 = false }: MeasureOptions,
  weights: ReadonlyMap<string, Float32Array>,
  images: Uint8Array,
): Promise<HeatmapNetwork> {
  const options = { config, inputSize, normalize: imagenet };
  const crop = images.subarray(0, images.length / batch);
  const quantization = int8 ? await calibrate(backend, options, weights, [crop]) : undefined;
  return new HeatmapNetwork(backend, { ...options, batch, quantization });
}

/** Forward passes, pictures to heatmaps. */
export async function measureInference(
  backend: Backend,
  options: MeasureOptions,
): Promise<Measurement> {
  const { config, batch } = options;
  const start = performance.now();
  const { images } = randomBatch(options);
  const weights = drawnWeights(config, 0);
  const network = await inferenceNetwork(backend, options, weights, images);
  try {
    network.setWeights(weights);
    const prepareSeconds = (performance.now() - start) / 1000;
    const timing = await time(options, () => network.heatmaps(images, batch));
    const profile = await network.profile();
    const programMb = network.programBytes / 1e6;
    return summarize(options, 'infer', timing, { programMb, prepareSeconds, profile });
  } finally {
    network.close();
  }
}

export interface KernelClass {
  readonly kind: string;
  readonly implementation: string;
  readonly count: number;
  readonly milliseconds: number;
  readonly flops: number;
  readonly bytes: number;
}

/** Time, operations and bytes by kernel class and implementation, longest first. */
export function byKernel(profile: readonly StepProfile[]): KernelClass[] {
  const classes = new Map<string, KernelClass>();
  for (const { kind, implementation, milliseconds, flops = 0, bytes = 0 } of profile) {
    const key = `${kind} ${implementation}`;
    const before = classes.get(key);
    classes.set(key, {
      kind,
      implementation,
      count: (before?.count ?? 0) + 1,
      milliseconds: (before?.milliseconds ?? 0) + milliseconds,
      flops: (before?.flops ?? 0) + flops,
      bytes: (before?.bytes ?? 0) + bytes,
    });
  }
  return [...classes.values()].sort((a, b) => b.milliseconds - a.milliseconds);
}

/** Milliseconds of all steps over those of the convolutions alone: 1 is a program of nothing else. */
export function ratioToConvolutions(profile: readonly StepProfile[]): number {
  const sum = (rows: readonly StepProfile[]) => rows.reduce((ms, row) => ms + row.milliseconds, 0);
  return sum(profile) / sum(profile.filter(({ kind }) => kind.startsWith('conv2d')));
}
