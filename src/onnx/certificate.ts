// The proof that goes with an exported model: what it was run on, how far it is from the network that
// it was made of, and whether that is near enough.
import type { Difference, HeatmapDifference, KeypointDifference } from './comparison.ts';
import type { ExportPrecision } from './export.ts';

/** COCO AP of both on the same people, without the flip test. */
export interface Accuracy {
  readonly people: number;
  readonly network: number;
  readonly model: number;
}

/** What was run and what came of it. */
export interface Evidence extends Difference {
  /** 'onnxruntime-web 1.30.0' */
  readonly runtime: string;
  /** What computed the network. */
  readonly reference: string;
  readonly precision: ExportPrecision;
  readonly triedOn: readonly string[];
  /**
   * For fp16: the same with every result rounded to half, as devices compute it that do so. The
   * runtime's own CPU kernels do not: they compute in float32.
   */
  readonly halfArithmetic?: Difference;
  readonly accuracy?: Accuracy;
}

export interface Certificate extends Evidence {
  readonly passed: boolean;
  /** What is wrong, one sentence each. */
  readonly failures: readonly string[];
  readonly tolerances: Tolerances;
}

interface Tolerances {
  /** Largest difference of heatmaps over their largest value. */
  readonly heatmaps: number;
  /** Input pixels between the model's decoder and ours on the same heatmaps. */
  readonly decoder: number;
}

const tolerances: Readonly<Record<ExportPrecision, Tolerances>> = {
  // Two orders of summing float32 products through a hundred layers differ by 1e-6 to 1e-5.
  fp32: { heatmaps: 1e-4, decoder: 0.05 },
  // Results of 11 bits are off by up to 5e-4 each; HRNet-W32's heatmaps by 3e-3 when all are.
  fp16: { heatmaps: 1e-2, decoder: 0.05 },
};

export function certify(evidence: Evidence): Certificate {
  const allowed = tolerances[evidence.precision];
  const failures = findFailures(evidence, allowed);
  return { passed: failures.length === 0, failures, tolerances: allowed, ...evidence };
}

/** Comparisons are written so that NaN fails. */
function findFailures(evidence: Evidence, allowed: Tolerances): string[] {
  const { heatmaps, halfArithmetic, decoder } = evidence;
  const failures: string[] = [];
  const expectNear = (what: string, { relative }: HeatmapDifference) => {
    if (relative <= allowed.heatmaps) return;
    failures.push(
      Number.isFinite(relative)
        ? `${what} differ by ${small(relative)} of their largest value, allowed are ${small(allowed.heatmaps)}`
        : `${what} hold values that are no finite numbers`,
    );
  };
  expectNear('heatmaps', heatmaps);
  if (halfArithmetic) expectNear('heatmaps computed in half precision', halfArithmetic.heatmaps);
  if (decoder && !(decoder.largest <= allowed.decoder)) {
    failures.push(
      `keypoints differ by ${small(decoder.largest)} px from what our decoder reads in the same heatmaps, allowed are ${allowed.decoder}`,
    );
  }
  return failures;
}

/** What a person reads. */
export function certificateLines(certificate: Certificate): string[] {
  const { passed, runtime, reference, triedOn, decoder, accuracy } = certificate;
  const { halfArithmetic, tolerances: allowed } = certificate;
  const lines = [
    `Certificate: ${passed ? 'passed' : 'FAILED'}. ${runtime} beside ${reference}, on ${triedOn.join(', ')}`,
    ...differenceLines(certificate, allowed),
  ];
  if (decoder) lines.push(`  decoder    ${keypointText(decoder)} (allowed ${allowed.decoder} px)`);
  if (halfArithmetic) {
    lines.push(
      'Every result rounded to half precision',
      ...differenceLines(halfArithmetic, allowed),
    );
  }
  if (accuracy) {
    const { people, network, model } = accuracy;
    lines.push(
      `AP ${model.toFixed(4)}, of the network ${network.toFixed(4)}, on ${people} people, without the flip test`,
    );
  }
  return lines;
}

const differenceLines = ({ heatmaps, keypoints }: Difference, allowed: Tolerances) => [
  `  heatmaps   ${small(heatmaps.relative)} of the largest value at most (allowed ${small(allowed.heatmaps)}), mean difference ${small(heatmaps.mean)}, largest value ${heatmaps.largestValue.toPrecision(4)}`,
  `  keypoints  ${keypointText(keypoints)}`,
];

const keypointText = ({ largest, mean, compared, unclear }: KeypointDifference) =>
  `${small(largest)} px at most, mean ${small(mean)} px, in ${compared} heatmaps${unclear > 0 ? `; ${unclear} without a clear peak left out` : ''}`;

const small = (value: number) => (value === 0 ? '0' : value.toExponential(1));
