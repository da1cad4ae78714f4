// What a skeleton is. Heads, flips, half body, OKS and drawing all derive from one of these;
// nothing else in the project knows how many keypoints a person has.

/** One skeleton: K keypoints and everything that depends on which they are. */
export interface Skeleton {
  readonly name: string;
  /** K names, in the order of the annotation file. */
  readonly keypoints: readonly string[];
  /** Index pairs (left, right) that change places when the picture is mirrored. */
  readonly flipPairs: readonly (readonly [number, number])[];
  /** Index pairs joined by a line when the skeleton is drawn. */
  readonly limbs: readonly (readonly [number, number])[];
  /** Per-keypoint falloff of the OKS, K numbers (COCO: sigma, not 2·sigma). */
  readonly oksSigmas: readonly number[];
  /** Indices of the keypoints that half-body augmentation counts as the upper body. */
  readonly upperBody: readonly number[];
}
