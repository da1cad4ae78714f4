// How far an exported model is from the network that it was made of, over any number of crops.
import { heatmapCodecs } from '../pose/codec/index.ts';
import { type DecodedKeypoints, findPeaks, type HeatmapShape } from '../pose/decode.ts';
import type { DecodeRules } from './decode.ts';
import type { NetworkOutputs } from './exportedNetwork.ts';

export interface HeatmapDifference {
  /** Of absolute differences. */
  readonly largest: number;
  readonly mean: number;
  /** The largest absolute value that the network gave. */
  readonly largestValue: number;
  /** largest / largestValue */
  readonly relative: number;
}

export interface KeypointDifference {
  /** Input pixels, along an axis. */
  readonly largest: number;
  readonly mean: number;
  /** Maps that were compared. */
  readonly compared: number;
  /** Maps without one clear maximum, whose keypoint is a matter of rounding; they are left out. */
  readonly unclear: number;
}

export interface Difference {
  readonly crops: number;
  readonly heatmaps: HeatmapDifference;
  /** Keypoints of the network against keypoints of the model. */
  readonly keypoints: KeypointDifference;
  /** The model's own decoder against ours, on the model's heatmaps. */
  readonly decoder?: KeypointDifference;
}

export interface Comparison {
  /** ours: [count, K, H, W] */
  add(ours: Float32Array, theirs: NetworkOutputs, shape: HeatmapShape): void;
  result(): Difference;
}

export function createComparison(rules: DecodeRules): Comparison {
  let crops = 0;
  let elements = 0;
  let sum = 0;
  let largest = 0;
  let largestValue = 0;
  const keypoints = createKeypointComparison(rules);
  const decoder = createKeypointComparison(rules);
  let decodes = false;
  return {
    add(ours, theirs, shape) {
      const { heatmaps, keypoints: decoded } = theirs;
      for (let i = 0; i < ours.length; i++) {
        const off = Math.abs(ours[i]! - heatmaps[i]!);
        sum += off;
        // Written so that a NaN stays.
        if (!(off <= largest)) largest = Math.max(off, largest);
        largestValue = Math.max(largestValue, Math.abs(ours[i]!));
      }
      crops += shape[0];
      elements += ours.length;
      const wanted = decodeWith(rules, ours, shape);
      const own = decodeWith(rules, heatmaps, shape);
      const made = decoded ?? inPixels(own, rules);
      keypoints.add(wanted, findPeaks(ours, shape), findPeaks(heatmaps, shape), made);
      if (!decoded) return;
      decodes = true;
      const peaks = findPeaks(heatmaps, shape);
      decoder.add(own, peaks, peaks, decoded);
    },
    result: () => ({
      crops,
      heatmaps: { largest, mean: sum / elements, largestValue, relative: largest / largestValue },
      keypoints: keypoints.result(),
      ...(decodes && { decoder: decoder.result() }),
    }),
  };
}

export const decodeWith = (
  { darkKernel }: DecodeRules,
  heatmaps: Float32Array,
  shape: HeatmapShape,
): DecodedKeypoints =>
  darkKernel === undefined
    ? heatmapCodecs.standard.decode(heatmaps, shape)
    : heatmapCodecs.dark.decode(heatmaps, shape, { kernel: darkKernel });

/** Heatmap pixels → input pixels, [N, K, 2]. */
export const inPixels = ({ xy }: DecodedKeypoints, { pixelsPerCell }: DecodeRules): Float32Array =>
  Float32Array.from(xy, (v, i) => v * pixelsPerCell[i % 2]!);

/** A Newton step of more than this, in heatmap pixels, says that the map has no peak there. */
const longestStep = 1;

function createKeypointComparison(rules: DecodeRules) {
  let compared = 0;
  let unclear = 0;
  let sum = 0;
  let largest = 0;
  return {
    /** made: [N, K, 2] in input pixels; peaks: the highest cells of both sides' heatmaps. */
    add(
      wanted: DecodedKeypoints,
      peaks: DecodedKeypoints,
      otherPeaks: DecodedKeypoints,
      made: Float32Array,
    ): void {
      const right = inPixels(wanted, rules);
      for (let map = 0; map < wanted.scores.length; map++) {
        const axes = [2 * map, 2 * map + 1];
        const clear = axes.every(
          (i) =>
            peaks.xy[i] === otherPeaks.xy[i] &&
            Math.abs(wanted.xy[i]! - peaks.xy[i]!) <= longestStep,
        );
        if (!clear) {
          unclear++;
          continue;
        }
        const off = Math.max(...axes.map((i) => Math.abs(right[i]! - made[i]!)));
        compared++;
        sum += off;
        if (!(off <= largest)) largest = Math.max(off, largest);
      }
    },
    result: (): KeypointDifference => ({
      largest,
      mean: compared === 0 ? 0 : sum / compared,
      compared,
      unclear,
    }),
  };
}
