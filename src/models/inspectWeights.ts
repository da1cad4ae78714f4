// What a weights file holds, as data and as lines to read: tensors, network, what lacks, what is left over.
import { type Dtype, elementCount, formatShape, type Tensor } from '../formats/tensor.ts';
import { type HrnetConfig, hrnetState, isRunningStatistic } from './hrnetConfigs.ts';
import { identifyWeights, type WeightsIdentity } from './identifyWeights.ts';
import { isBatchCounter } from './weightNames.ts';
import { describeMatch, printable, type ShapeMismatch } from './weights.ts';

type Described = Pick<Tensor, 'dtype' | 'shape'>;

export interface Inspection {
  readonly tensors: number;
  /** Elements of all tensors together. */
  readonly values: number;
  /** Tensors of each element type. */
  readonly dtypes: Readonly<Partial<Record<Dtype, number>>>;
  /** PyTorch's counters of batches, from which nothing is computed. */
  readonly batchCounters: number;
  /** Null for anything that is no HRNet. */
  readonly network: NetworkInspection | null;
}

export interface NetworkInspection {
  readonly variant: string;
  readonly width: number;
  /** Null in a file without a head for keypoints. */
  readonly keypoints: number | null;
  readonly naming: readonly string[];
  /** Whether scoring, running and exporting can use the file. */
  readonly complete: boolean;
  /** Trainable values of the network that are in the file. */
  readonly parameters: number;
  readonly missing: readonly string[];
  readonly mismatched: readonly ShapeMismatch[];
  readonly extra: readonly string[];
}

/** What of a file is known, and the lines that tell it. */
export function inspectWeights(
  file: ReadonlyMap<string, Described>,
  where: string,
): { readonly inspection: Inspection; readonly lines: readonly string[] } {
  const identity = identifyWeights(file, where);
  const inspection: Inspection = {
    ...countTensors(file),
    network: identity ? networkOf(identity) : null,
  };
  return { inspection, lines: linesOf(inspection, identity) };
}

function countTensors(file: ReadonlyMap<string, Described>) {
  const dtypes: Partial<Record<Dtype, number>> = {};
  let [values, batchCounters] = [0, 0];
  for (const [name, { dtype, shape }] of file) {
    dtypes[dtype] = (dtypes[dtype] ?? 0) + 1;
    values += elementCount(shape) ?? 0;
    if (isBatchCounter(name)) batchCounters++;
  }
  return { tensors: file.size, values, dtypes, batchCounters };
}

function networkOf(identity: WeightsIdentity<Described>): NetworkInspection {
  const { variant, config, keypoints, naming, report } = identity;
  const { missing, mismatched, extra } = report;
  return {
    variant,
    width: config.width,
    keypoints: keypoints ?? null,
    naming,
    complete: missing.length === 0 && mismatched.length === 0,
    parameters: parameters(config, report.assign),
    missing,
    mismatched,
    extra,
  };
}

function parameters(config: HrnetConfig, there: ReadonlyMap<string, unknown>): number {
  let count = 0;
  for (const [name, shape] of hrnetState(config)) {
    if (there.has(name) && !isRunningStatistic(name)) count += elementCount(shape) ?? 0;
  }
  return count;
}

const count = (n: number) => n.toLocaleString('en-US');

function linesOf(
  { tensors, values, dtypes, batchCounters, network }: Inspection,
  identity: WeightsIdentity<Described> | undefined,
): string[] {
  const kinds = Object.entries(dtypes).map(([dtype, n]) => `${n} ${dtype}`);
  const lines = [`tensors  ${tensors} (${kinds.join(', ') || 'none'}), ${count(values)} values`];
  if (network === null || identity === undefined) {
    return [...lines, 'network  none that is known here'];
  }
  const { variant, width, keypoints, naming } = network;
  const kind = variant === 'hrnet' ? `HRNet-W${width}` : `${variant}, width ${width}`;
  const head = keypoints === null ? 'no head for keypoints' : `${keypoints} keypoints`;
  lines.push(
    `network  ${kind}, ${head}, ${count(network.parameters)} parameters`,
    `names    ${naming.join(' and ')}`,
    ...describeMatch(identity.report)
      .split('\n')
      .map((line, i) => (i === 0 ? `fit      ${line}` : `         ${line}`)),
  );
  if (batchCounters > 0) lines.push(`         ${batchCounters} batch counters are not needed.`);
  return lines;
}

/** One tensor a line, names in a column: `conv1.weight  F32 [64, 3, 3, 3]`. */
export function tensorLines(file: ReadonlyMap<string, Described>): string[] {
  const widest = longest(file.keys());
  return Array.from(
    file,
    ([name, { dtype, shape }]) =>
      `${printable(name).padEnd(widest)}  ${dtype} ${formatShape(shape)}`,
  );
}

/** Width of the column of names; a few longer ones may stick out. */
function longest(names: Iterable<string>): number {
  let most = 0;
  for (const name of names) most = Math.max(most, name.length);
  return Math.min(72, most);
}
