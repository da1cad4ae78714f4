// The proof that goes with an exported model: what it was run on, how far it is from the network that
// it was made of, and whether that is near enough.
import type { Comparison, Difference, KeypointDifference } from './comparison.ts';
import type { ExportPrecision } from './export.ts';

/** COCO AP of both on the same people, without the flip test. */
export interface Accuracy {
  readonly people: number;
  readonly network: number;
  readonly model: number;
}

export interface Certificate extends Difference {
  readonly passed: boolean;
  /** What is wrong, one sentence each. */
  readonly failures: readonly string[];
  /** 'onnxruntime-web 1.30.0' */
  readonly runtime: string;
  /** The backend that computed the network. */
  readonly reference: string;
  readonly precision: ExportPrecision;
  readonly tolerances: Tolerances;
  readonly triedOn: readonly string[];
  readonly accuracy?: Accuracy;
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
  // Weights with 11 bits are off by up to 5e-4 each; through a hundred layers some of it adds up.
  fp16: { heatmaps: 2e-2, decoder: 0.05 },
};

export interface CertificateFacts {
  readonly runtime: string;
  readonly reference: string;
  readonly precision: ExportPrecision;
  readonly triedOn: readonly string[];
  readonly accuracy: Accuracy | undefined;
}

export function certify(comparison: Comparison, facts: CertificateFacts): Certificate {
  const difference = comparison.result();
  const { accuracy, ...rest } = facts;
  const allowed = tolerances[facts.precision];
  const failures = findFailures(difference, allowed);
  return {
    passed: failures.length === 0,
    failures,
    ...rest,
    tolerances: allowed,
    ...difference,
    ...(accuracy && { accuracy }),
  };
}

/** Comparisons are written so that NaN fails. */
function findFailures({ heatmaps, decoder }: Difference, allowed: Tolerances): string[] {
  const failures: string[] = [];
  if (!(heatmaps.relative <= allowed.heatmaps)) {
    failures.push(
      `heatmaps differ by ${small(heatmaps.relative)} of their largest value, allowed are ${small(allowed.heatmaps)}`,
    );
  }
  if (decoder && !(decoder.largest <= allowed.decoder)) {
    failures.push(
      `keypoints differ by ${small(decoder.largest)} px from what our decoder reads in the same heatmaps, allowed are ${allowed.decoder}`,
    );
  }
  return failures;
}

/** What a person reads. */
export function certificateLines(certificate: Certificate): string[] {
  const { passed, runtime, reference, triedOn, heatmaps, keypoints, decoder, accuracy } =
    certificate;
  const { tolerances: allowed } = certificate;
  const lines = [
    `Certificate: ${passed ? 'passed' : 'FAILED'}. ${runtime} beside ${reference}, on ${triedOn.join(', ')}`,
    `  heatmaps   ${small(heatmaps.relative)} of the largest value at most (allowed ${small(allowed.heatmaps)}), mean difference ${small(heatmaps.mean)}, largest value ${heatmaps.largestValue.toPrecision(4)}`,
    `  keypoints  ${keypointText(keypoints)}`,
  ];
  if (decoder) lines.push(`  decoder    ${keypointText(decoder)} (allowed ${allowed.decoder} px)`);
  if (accuracy) {
    const { people, network, model } = accuracy;
    lines.push(
      `  AP         ${model.toFixed(4)}, of the network ${network.toFixed(4)}, on ${people} people, without the flip test`,
    );
  }
  return lines;
}

const keypointText = ({ largest, mean, compared, unclear }: KeypointDifference) =>
  `${small(largest)} px at most, mean ${small(mean)} px, in ${compared} heatmaps${unclear > 0 ? `; ${unclear} without a clear peak left out` : ''}`;

const small = (value: number) => (value === 0 ? '0' : value.toExponential(1));
