// Weights of a file on disk for a network.

import type { Weights } from '../models/drawWeights.ts';
import type { HrnetConfig } from '../models/hrnetConfigs.ts';
import { takeWeights } from '../models/takeWeights.ts';
import { describeMatch, hasHead } from '../models/weights.ts';
import { findWeights } from './findWeights.ts';
import { readWeightFile } from './weightFile.ts';

export interface WeightsReport {
  readonly file: string;
  /** What of the file was used, as text. */
  readonly summary: string;
  /** Of a safetensors file; empty in others. */
  readonly metadata: ReadonlyMap<string, string>;
}

/**
 * Reads a weights file for a network. With `mayMiss: 'head'` (a pretrained backbone) the head stays as
 * it is in `weights`; anything else that is missing or of another shape is an inputError.
 */
export function readWeights(
  config: HrnetConfig,
  path: string,
  mayMiss: 'head' | 'nothing',
  weights: Weights = new Map(),
): WeightsReport {
  const file = findWeights(path);
  const { tensors, metadata } = readWeightFile(file);
  const report = takeWeights(config, tensors, file, mayMiss, weights);
  const head = mayMiss === 'head' && !hasHead(report) ? ['The head starts as drawn.'] : [];
  return { file, summary: [describeMatch(report), ...head].join('\n'), metadata };
}
