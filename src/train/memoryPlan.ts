// What training will take, before anything is allocated: from the graph's lifetimes, as the CPU
// backend lays tensors out. Decides on recomputation, and refuses what does not fit.
import { environmentError } from '../errors.ts';
import { elementCount, type Graph, type Value } from '../graph/graph.ts';
import type { HrnetConfig } from '../models/hrnetConfigs.ts';
import { type TrainingOptions, trainingGraph } from '../models/poseGraphs.ts';
import { compileTraining } from '../passes/compile.ts';
import { lifetimes } from '../passes/lifetimes.ts';
import { planMemory } from '../passes/planMemory.ts';

export type RecomputeMode = 'auto' | 'on' | 'off';

/** All in bytes. */
export interface MemoryPlan {
  /** With running statistics. */
  readonly parameters: number;
  readonly gradients: number;
  /** Adam's two. */
  readonly moments: number;
  /** Most that is alive at one moment of a step, workspaces of convolutions aside. */
  readonly activations: number;
  /** Workspaces, the process itself, pictures on their way, a copy of the weights while a checkpoint is written. */
  readonly rest: number;
  readonly total: number;
  /** Whether cheap results are made again in the backward part. */
  readonly recompute: boolean;
}

/** Activations lie in blocks of so many channels. */
const channelBlock = 16;
/** Node, libraries and compiled kernels. */
const processBytes = 250e6;

/** Bytes of a value as it is stored: activations in the given width, with channels filled up to blocks. */
function storedBytes({ dtype, shape }: Value, activationBytes: number): number {
  if (dtype === 'uint8') return elementCount(shape);
  if (shape.length !== 4) return elementCount(shape) * 4;
  const [n, c, h, w] = shape as [number, number, number, number];
  const channels = c < 8 ? c : Math.ceil(c / channelBlock) * channelBlock;
  return n * channels * h * w * activationBytes;
}

function activationsOf(graph: Graph, activationBytes: number): number {
  const states = new Set(graph.states.flatMap(({ next }) => (next === undefined ? [] : [next])));
  const requests = lifetimes(graph)
    .filter(({ value }) => !states.has(value))
    .map((life) => ({ ...life, bytes: storedBytes(graph.values[life.value]!, activationBytes) }));
  return planMemory(requests).lowerBound;
}

function statesOf(graph: Graph, roles: readonly string[]): number {
  return graph.states
    .filter(({ role }) => roles.includes(role))
    .reduce((sum, { value }) => sum + elementCount(graph.values[value]!.shape) * 4, 0);
}

/** @param activationBytes of one element: 4, or 2 with bfloat16 */
export function planTraining(
  config: HrnetConfig,
  options: TrainingOptions,
  activationBytes: number,
  recompute: boolean,
): MemoryPlan {
  const graph = compileTraining(trainingGraph(config, options), { lean: recompute });
  const parameters = statesOf(graph, ['parameter', 'statistic']);
  const gradients = statesOf(graph, ['gradient']);
  const moments = 2 * gradients;
  const activations = activationsOf(graph, activationBytes);
  const { width, height } = options.inputSize;
  const rest = processBytes + parameters + 3 * options.batch * width * height * 3;
  const total = parameters + gradients + moments + activations + rest;
  return { parameters, gradients, moments, activations, rest, total, recompute };
}

/**
 * The plan that fits into what is available: without recomputation where that does, unless asked otherwise.
 * Throws an environment error with advice where none fits.
 */
export function chooseMemoryPlan(
  config: HrnetConfig,
  options: TrainingOptions,
  activationBytes: number,
  mode: RecomputeMode,
  available: number,
): MemoryPlan {
  const plan = (recompute: boolean, bytes = activationBytes) =>
    planTraining(config, options, bytes, recompute);
  const choices = mode === 'auto' ? [false, true] : [mode === 'on'];
  const plans = choices.map((recompute) => plan(recompute));
  const fitting = plans.find(({ total }) => total <= available);
  if (fitting) return fitting;
  const least = plans.at(-1)!;
  throw environmentError(
    `memory: training at batch ${options.batch} takes about ${gigabytes(least.total)}${least.recompute ? ' with --recompute' : ''}, ` +
      `${gigabytes(available)} are available. ${advice(options.batch, least, available, plan, activationBytes)}`,
  );
}

function advice(
  batch: number,
  least: MemoryPlan,
  available: number,
  plan: (recompute: boolean, bytes?: number) => MemoryPlan,
  activationBytes: number,
): string {
  const ways: string[] = [];
  if (!least.recompute && plan(true).total <= available) ways.push('--recompute on');
  if (activationBytes > 2 && plan(true, 2).total <= available) ways.push('--amp bf16');
  const lean = plan(true);
  const fixed = lean.total - lean.activations;
  const most = Math.floor((batch * Math.max(0, available - fixed)) / lean.activations);
  if (most >= 1) {
    const parts = Math.ceil(batch / most);
    ways.push(
      `TrainReader.batch_size=${Math.ceil(batch / parts)} with --accumulate ${parts} (one update from as many pictures)`,
    );
  }
  if (ways.length === 0) return 'Use a machine with more memory or a smaller network.';
  return `Use ${ways.join(', or ')}.`;
}

const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;

/** One line for the log. */
export function describeMemory(plan: MemoryPlan, available: number): string {
  const { parameters, gradients, moments, activations, rest, total, recompute } = plan;
  const mb = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`;
  return (
    `Memory: about ${gigabytes(total)} of ${gigabytes(available)} available: parameters ${mb(parameters)}, ` +
    `gradients ${mb(gradients)}, moments ${mb(moments)}, activations ${mb(activations)}` +
    `${recompute ? ' (cheap ones made again in the backward part)' : ''}, rest ${mb(rest)}`
  );
}
