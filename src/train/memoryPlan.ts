// What training will take, before anything is allocated: from the graph's lifetimes, as the backends lay
// tensors out. Decides on recomputation and, on a device, on micro-batches; refuses what does not fit.
import { environmentError, type HrposeError } from '../errors.ts';
import { formatBytes } from '../format.ts';
import { elementCount, type Graph } from '../graph/graph.ts';
import type { HrnetConfig } from '../models/hrnetConfigs.ts';
import { type TrainingOptions, trainingGraph } from '../models/poseGraphs.ts';
import { compileTraining } from '../passes/compile.ts';
import { peakMemory } from '../passes/peakMemory.ts';
import {
  feedBytes,
  loaderBytes,
  type MemoryKind,
  scratchBytes,
  statesOf,
  storedBytes,
} from './memoryUse.ts';
import type { ScoringMemory } from './scoringMemory.ts';

export type RecomputeMode = 'auto' | 'on' | 'off';

/** All in bytes. */
export interface MemoryPlan {
  /** With running statistics. */
  readonly parameters: number;
  readonly gradients: number;
  /** Adam's two. */
  readonly moments: number;
  /** Most that is alive at one moment of a step. */
  readonly activations: number;
  /** Beside them: masks of ReLUs and scratch memory; on a device what was handed over. */
  readonly workspace: number;
  /** The network that scores at snapshots, and its loader; 0 without --eval. */
  readonly scoring: number;
  /** Node, the library, and the loader with its batches. */
  readonly process: number;
  /** A copy of parameters and moments while a checkpoint is written. */
  readonly checkpoint: number;
  /** Of the memory that states and activations lie in: on a device without process and checkpoint. */
  readonly total: number;
  readonly memory: 'host' | 'device';
  readonly batch: number;
  /** Samples that are computed at once; the batch is as many of these as it takes. */
  readonly microBatch: number;
  /** Crops that are scored at once. */
  readonly scoringBatch: number;
  /** Whether cheap results are made again in the backward part. */
  readonly recompute: boolean;
  /** Of which ops' results the activations consist at the fullest moment, largest first. */
  readonly live: ReadonlyMap<string, number>;
}

export interface MemoryNeeds extends MemoryKind {
  readonly training: TrainingOptions;
  /** Of scoring at snapshots, where that is wanted. */
  readonly scoring?: ScoringMemory | undefined;
  /** Threads of the loader. */
  readonly workers: number;
  /** Batches that make one update; none where a step is one batch and no more. */
  readonly accumulate?: number;
}

/** Node with the library and the kernels it compiles (docs/log.md). */
const processBytes = 190e6;

/** One bit for every result of a ReLU that is fused into a batch norm: whether it was positive. */
function maskBytes(graph: Graph): number {
  return graph.nodes
    .filter(({ op, attrs }) => op === 'batchNormTrain' && attrs.relu)
    .reduce((sum, { outputs }) => sum + elementCount(graph.values[outputs[0]!]!.shape) / 8, 0);
}

/** With the least that scoring takes: crop by crop. */
export function planTraining(
  config: HrnetConfig,
  needs: MemoryNeeds,
  recompute: boolean,
  microBatch = needs.training.batch,
): MemoryPlan {
  const { memory, workers } = needs;
  const { batch } = needs.training;
  const accumulate = needs.training.accumulate || microBatch < batch;
  const training = { ...needs.training, accumulate, batch: microBatch };
  const graph = compileTraining(trainingGraph(config, training), { lean: recompute });
  const parameters = statesOf(graph, ['parameter', 'statistic']);
  const gradients = statesOf(graph, ['gradient']);
  const moments = 2 * gradients;
  const { bytes: activations, live } = peakMemory(graph, (value) => storedBytes(value, needs));
  const onHost = memory === 'host';
  const workspace = onHost ? maskBytes(graph) + scratchBytes(needs) : feedBytes(graph);
  const process = processBytes + loaderBytes(workers, microBatch, training.inputSize);
  const checkpoint = parameters + moments;
  const computing = parameters + gradients + moments + activations + workspace;
  const total = computing + (onHost ? process + checkpoint : 0);
  const parts = { parameters, gradients, moments, activations, workspace, process, checkpoint };
  const trained = { ...parts, scoring: 0, scoringBatch: 0, total };
  return withScoring({ ...trained, memory, batch, microBatch, recompute, live }, needs.scoring, 1);
}

/** The plan with so many crops scored at once. */
function withScoring(
  plan: MemoryPlan,
  needs: ScoringMemory | undefined,
  scoringBatch: number,
): MemoryPlan {
  if (!needs) return plan;
  const scoring = needs.fixed + scoringBatch * needs.perCrop;
  return { ...plan, scoring, scoringBatch, total: plan.total - plan.scoring + scoring };
}

/** The plan with as many crops scored at once as there is room for. */
function withMostScoring(
  plan: MemoryPlan,
  needs: ScoringMemory | undefined,
  available: number,
): MemoryPlan {
  const plans = microBatches(needs?.batch ?? 1).map((crops) => withScoring(plan, needs, crops));
  return plans.find(({ total }) => total <= available) ?? plan;
}

/** Ever smaller sizes of nearly equal parts of a batch, from `most` samples on. */
export function microBatches(batch: number, most = batch): number[] {
  const sizes = Array.from({ length: batch }, (_, i) => Math.ceil(batch / (i + 1)));
  return [...new Set(sizes)].filter((size) => size <= most);
}

/**
 * The plans that fit into what is available, best first: the whole batch before micro-batches, which only a device's
 * memory is divided into, and without recomputation before with. Scoring takes what training leaves: its parts
 * change no result.
 * @param most samples of a micro-batch at most
 */
export function* fittingPlans(
  config: HrnetConfig,
  needs: MemoryNeeds,
  mode: RecomputeMode,
  available: number,
  most = needs.training.batch,
): Generator<MemoryPlan> {
  const { batch } = needs.training;
  const sizes = needs.memory === 'device' ? microBatches(batch, most) : [Math.min(batch, most)];
  const choices = mode === 'auto' ? [false, true] : [mode === 'on'];
  for (const size of sizes) {
    for (const recompute of choices) {
      const plan = planTraining(config, needs, recompute, size);
      if (plan.total <= available) yield withMostScoring(plan, needs.scoring, available);
    }
  }
}

/** The best plan that fits. Throws an environment error with advice where none does. */
export function chooseMemoryPlan(
  config: HrnetConfig,
  needs: MemoryNeeds,
  mode: RecomputeMode,
  available: number,
): MemoryPlan {
  for (const plan of fittingPlans(config, needs, mode, available)) return plan;
  throw refusal(config, needs, mode, available);
}

/** What to throw where no plan fits. */
export function refusal(
  config: HrnetConfig,
  needs: MemoryNeeds,
  mode: RecomputeMode,
  available: number,
): HrposeError {
  const size = needs.memory === 'device' ? 1 : needs.training.batch;
  const least = planTraining(config, needs, mode !== 'off', size);
  const ways =
    needs.memory === 'device'
      ? deviceAdvice(config, needs, mode, available)
      : advice(config, needs, least, available);
  return environmentError(
    `memory: training at batch ${size} takes about ${formatBytes(least.total)}${least.recompute ? ' with --recompute' : ''}, ` +
      `${formatBytes(available)} are available. ${ways}`,
  );
}

const scoreLater = "'hrpose eval' on the checkpoints instead of --eval";

function fitsUnscored(
  config: HrnetConfig,
  needs: MemoryNeeds,
  recompute: boolean,
  microBatch: number,
  available: number,
): boolean {
  if (!needs.scoring) return false;
  const training = { ...needs, scoring: undefined };
  return planTraining(config, training, recompute, microBatch).total <= available;
}

/** Where not even one sample fits. */
function deviceAdvice(
  config: HrnetConfig,
  needs: MemoryNeeds,
  mode: RecomputeMode,
  available: number,
): string {
  const half = planTraining(config, { ...needs, activationBytes: 2 }, mode !== 'off', 1);
  const helps = needs.activationBytes > 2 && half.total <= available;
  const ways = ['a larger --gpu-mb', 'a smaller network or trainsize'];
  if (helps) ways.unshift('--amp f16');
  if (mode === 'off') ways.push('--recompute auto');
  if (fitsUnscored(config, needs, mode !== 'off', 1, available)) ways.push(scoreLater);
  return `Use ${ways.join(', or ')}.`;
}

function advice(
  config: HrnetConfig,
  needs: MemoryNeeds,
  refused: MemoryPlan,
  available: number,
): string {
  const { batch } = needs.training;
  const ways: string[] = [];
  const lean = refused.recompute ? refused : planTraining(config, needs, true);
  if (lean.total <= available) ways.push('--recompute on');
  if (needs.activationBytes > 2) {
    const half = planTraining(config, { ...needs, activationBytes: 2 }, true);
    const recompute = refused.recompute ? '' : ' --recompute on';
    if (half.total <= available) ways.push(`--amp bf16${recompute}`);
  }
  const most = largestBatch(config, needs, lean, available);
  if (most >= 1 && most < batch) {
    const recompute = refused.recompute ? '' : ' --recompute on';
    ways.push(smallerBatch(batch, most, needs.accumulate, recompute));
  }
  if (fitsUnscored(config, needs, refused.recompute, batch, available)) ways.push(scoreLater);
  if (ways.length === 0) return 'Use a machine with more memory or a smaller network.';
  return `Use ${ways.join(', or ')}.`;
}

function smallerBatch(
  batch: number,
  most: number,
  accumulate: number | undefined,
  recompute: string,
): string {
  if (accumulate === undefined) {
    return `a batch of at most ${most}${recompute && ` with${recompute}`}`;
  }
  const parts = Math.ceil(batch / most);
  const part = Math.ceil(batch / parts);
  const pictures = part * parts === batch ? 'as many' : part * parts * accumulate;
  return (
    `-o TrainReader.batch_size=${part} with --accumulate ${parts * accumulate}${recompute} ` +
    `(${pictures} pictures an update; the largest batch that fits is ${most})`
  );
}

/** Of a plan that was made for `needs.training.batch`: everything but what grows with the batch stays. */
function largestBatch(
  config: HrnetConfig,
  needs: MemoryNeeds,
  plan: MemoryPlan,
  available: number,
): number {
  const { batch } = needs.training;
  if (batch === 1) return plan.total <= available ? 1 : 0;
  const single = planTraining(
    config,
    { ...needs, training: { ...needs.training, batch: 1 } },
    true,
  );
  const perPicture = (plan.total - single.total) / (batch - 1);
  return Math.floor(1 + (available - single.total) / perPicture);
}

/** In one unit, so that columns and sums can be compared. */
const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`;

type Row = readonly [name: string, bytes: number, remark: string];

const table = (rows: readonly Row[]): string[] =>
  rows.map(([name, bytes, remark]) =>
    `  ${name.padEnd(12)}${megabytes(bytes).padStart(9)}  ${remark}`.trimEnd(),
  );

/** A table, a line each; `available` may be Infinity where it is not known. */
export function describeMemory(plan: MemoryPlan, available: number): string {
  const { parameters, gradients, moments, activations, workspace, total } = plan;
  const consists = [...plan.live]
    .filter(([, bytes]) => bytes >= 0.01 * activations)
    .map(([op, bytes]) => `${op} ${megabytes(bytes)}`)
    .join(', ');
  const known = Number.isFinite(available);
  const computing: Row[] = [
    ['parameters', parameters, 'and running statistics'],
    ['gradients', gradients, ''],
    ['moments', moments, ''],
    ['activations', activations, consists],
  ];
  const scoring = scoringRow(plan);
  const how = plan.recompute ? ' (cheap results are made again in the backward part)' : '';
  if (plan.memory === 'host') {
    const rows: Row[] = [
      ...computing,
      ['workspace', workspace, ''],
      ...scoring,
      ['process', plan.process, 'with the loader'],
      ['checkpoint', plan.checkpoint, 'a copy while it is written'],
      ['total', total, known ? `of ${megabytes(available)} available` : ''],
    ];
    return [`Memory of training, about${how}:`, ...table(rows)].join('\n');
  }
  const limit = known
    ? `of ${megabytes(available)}`
    : 'of a memory whose size WebGPU does not tell';
  const rows: Row[] = [
    ...computing,
    ['workspace', workspace, 'pictures and keypoints'],
    ...scoring,
    ['total', total, limit],
  ];
  return [
    `Memory of training on the GPU, about${how}:`,
    ...table(rows),
    'Beside it in the memory of the process:',
    ...table([
      ['process', plan.process, 'with the loader'],
      ['copy', plan.checkpoint, 'of parameters and moments, in case the GPU is lost'],
    ]),
    ...microBatchPolicy(plan),
  ].join('\n');
}

const scoringRow = ({ scoring, scoringBatch }: MemoryPlan): Row[] =>
  scoringBatch > 0 ? [['scoring', scoring, `at snapshots, ${scoringBatch} at once`]] : [];

/** What becomes of batch norm where the batch is computed in parts. */
function microBatchPolicy({ batch, microBatch }: MemoryPlan): string[] {
  if (microBatch === batch) return [];
  const parts = Math.ceil(batch / microBatch);
  const size = parts * microBatch === batch ? `${microBatch}` : `up to ${microBatch}`;
  return [
    `The batch of ${batch} does not fit and is computed as ${parts} micro-batches of ${size}. Their gradients are summed by their ` +
      "share of the samples, exactly. Batch norm takes its statistics from each of them by itself, as from a GPU's own part of " +
      `a batch, and its running statistics move ${parts} times an update.`,
  ];
}

/** The plan as fields of an event, in bytes. */
export function memoryFields({ live: _, ...plan }: MemoryPlan, available: number) {
  return { ...plan, available: Number.isFinite(available) ? available : null };
}
