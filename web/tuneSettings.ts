// What the form of the fine-tune tab says as the engine's settings: the recipe of the HRNet configs with a
// warm-up and a cosine to the end.
import type { FineTuneSettings, Skeleton } from '../src/web/index.ts';

export interface TuneForm {
  readonly inputSize: { readonly width: number; readonly height: number };
  readonly batch: number;
  readonly steps: number;
  readonly learningRate: number;
  readonly augment: boolean;
  readonly seed: number;
}

export const usualForm: TuneForm = {
  inputSize: { width: 96, height: 128 },
  batch: 16,
  steps: 300,
  learningRate: 0.0005,
  augment: true,
  seed: 1,
};

/** Limits of the form's numbers. */
export const limits = {
  batch: [1, 128],
  steps: [1, 100_000],
  learningRate: [1e-7, 0.1],
  seed: [0, 2 ** 31],
} as const;

/** What is wrong with the form, if anything. */
export function problemOf(form: TuneForm): string | undefined {
  for (const key of Object.keys(limits) as (keyof typeof limits)[]) {
    const [low, high] = limits[key];
    const value = form[key];
    const whole = key === 'learningRate' || Number.isInteger(value);
    if (whole && value >= low && value <= high) continue;
    const what = key === 'learningRate' ? 'learning rate' : key;
    const kind = key === 'learningRate' ? 'a number' : 'a whole number';
    return `${what}: expected ${kind} from ${low} to ${high}.`;
  }
  return undefined;
}

/** Widths of the Gaussian that the configs have for their sizes, in heatmap px. */
const sigmaFor = (height: number) => (height >= 320 ? 3 : height >= 192 ? 2 : 1.5);

export function settingsOf(
  form: TuneForm,
  skeleton: Skeleton,
  stepsPerEpoch: number,
): FineTuneSettings {
  const { batch, steps, learningRate, augment, seed, inputSize } = form;
  const maxEpochs = steps / stepsPerEpoch;
  const changes = augment ? 1 : 0;
  return {
    seed,
    target: { codec: 'dark', sigma: sigmaFor(inputSize.height) },
    loss: { useTargetWeight: true, lossScale: 0.5 },
    learningRate: {
      base: learningRate,
      schedule: { kind: 'cosine', maxEpochs, minLrRatio: 0.01 },
      warmup: { startFactor: 0.01, steps: Math.min(50, Math.floor(steps / 10)) },
    },
    optimizer: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, l2: 0 },
    bnMomentum: 0.9,
    train: {
      batchSize: batch,
      shuffle: true,
      dropLast: false,
      udp: false,
      augment: {
        scaleFactor: 0.25 * changes,
        rotationFactor: 30 * changes,
        rotationProbability: 0.6 * changes,
        flip: augment && skeleton.flipPairs.length > 0,
        halfBodyProbability: augment && skeleton.upperBody.length > 0 ? 0.3 : 0,
        halfBodyKeypoints: 8,
        upperBody: skeleton.upperBody,
      },
    },
  };
}
