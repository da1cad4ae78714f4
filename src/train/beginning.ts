// Where a run begins: at a checkpoint, at weights of a file, or at drawn ones.
import { localWeights } from '../data/fetchWeights.ts';
import { environmentError, HrposeError, inputError } from '../errors.ts';
import { drawnWeights } from '../models/drawWeights.ts';
import { hrnetState } from '../models/hrnetConfigs.ts';
import { loadCheckpoint } from './checkpoint.ts';
import type { GradientScale } from './gradientScale.ts';
import { readWeights } from './initialWeights.ts';
import { networkConfig } from './settingsModel.ts';
import type { StateTensor } from './tensorFile.ts';
import type { TrainOptions } from './train.ts';

/** Where the run stands; counters count what is finished. */
export interface Progress {
  step: number;
  epoch: number;
  stepInEpoch: number;
  /** With --amp f16. */
  gradientScale?: GradientScale | undefined;
}

/** Everything to go on from at one moment of a run. */
export interface RunState {
  readonly tensors: Map<string, StateTensor>;
  /** Empty where none have been made yet. */
  readonly moments: Map<string, StateTensor>;
  readonly at: Readonly<Progress>;
  readonly recentLosses: readonly number[];
  /** Of the evaluations before it, 0 to 1. */
  readonly bestAp: number | undefined;
  /** Samples that are computed at once, where that is less than a batch. */
  readonly microBatch: number | undefined;
}

/** Reads or draws what the run begins with and says where that is. */
export async function beginning(options: TrainOptions): Promise<RunState> {
  return options.resume === undefined ? newRun(options) : resumed(options, options.resume);
}

async function newRun(options: TrainOptions): Promise<RunState> {
  const config = networkConfig(options.settings);
  const weights = drawnWeights(config, options.seed);
  const pretrained = await pretrainedWeights(options);
  if (pretrained !== undefined) {
    const { file, summary } = readWeights(config, pretrained, 'head', weights);
    options.report.note(`Finish loading model weights: ${file}. ${summary}`);
  }
  const shapes = hrnetState(config);
  const tensors = Array.from(weights, ([name, data]): [string, StateTensor] => [
    name,
    { shape: shapes.get(name)!, data },
  ]);
  return {
    tensors: new Map(tensors),
    moments: new Map(),
    at: { step: 0, epoch: 0, stepInEpoch: 0 },
    recentLosses: [],
    bestAp: undefined,
    microBatch: undefined,
  };
}

function resumed({ settings, report, seed }: TrainOptions, path: string): RunState {
  const { tensors, moments, meta } = loadCheckpoint(path);
  if (!meta) {
    throw inputError(
      `-r ${path}: expected a checkpoint or run folder, got weights alone. To start from weights use -o pretrain_weights=${path}.`,
    );
  }
  expectShapes(hrnetState(networkConfig(settings)), tensors, path);
  if (meta.seed !== seed)
    report.note(`the seed of the run was ${meta.seed}; going on with ${seed}.`);
  report.note(`Finish resuming model weights: ${path}`);
  const { step, epoch, stepInEpoch, gradientScale, bestAp, microBatch, recentLosses = [] } = meta;
  const at = { step, epoch, stepInEpoch, gradientScale };
  return { tensors, moments, at, recentLosses, bestAp, microBatch };
}

/** Path of the weights that a new run starts from, if not from drawn ones. */
async function pretrainedWeights({
  settings: { pretrainWeights },
  fetchWeights = localWeights,
}: TrainOptions): Promise<string | undefined> {
  if (!pretrainWeights) return undefined;
  try {
    return await fetchWeights(pretrainWeights);
  } catch (error) {
    if (!(error instanceof HrposeError) || error.exitCode !== 4) throw error;
    const { message } = error;
    throw environmentError(
      `pretrain_weights: ${message}\nTo start from drawn weights: -o pretrain_weights=`,
      { cause: error },
    );
  }
}

function expectShapes(
  expected: ReadonlyMap<string, readonly number[]>,
  tensors: ReadonlyMap<string, StateTensor>,
  path: string,
): void {
  for (const [name, shape] of expected) {
    const found = tensors.get(name);
    if (found && String(found.shape) === String(shape)) continue;
    throw inputError(
      `-r ${path}: expected '${name}' of shape [${shape}], got ${found ? `[${found.shape}]` : 'nothing'}. The checkpoint is of another network; use its config file.`,
    );
  }
}
