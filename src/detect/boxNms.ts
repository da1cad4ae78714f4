// Suppression of boxes found twice, and what all detectors have in common behind their outputs.
import type { Size } from '../data/record.ts';
import { numericalError } from '../errors.ts';
import type { PersonBox } from '../pose/estimate.ts';
import { boxIou } from '../track/body.ts';

/** Corners in px of the picture. */
export interface Candidate {
  readonly corners: readonly [x0: number, y0: number, x1: number, y1: number];
  readonly score: number;
}

/** More are not looked at, the surest first. */
const mostCandidates = 2000;

/** Boxes within the picture, best first; those that are outside or empty are left out. */
export function toBoxes(candidates: readonly Candidate[], { width, height }: Size): PersonBox[] {
  const within = (value: number, most: number) => Math.min(Math.max(value, 0), most);
  const boxes = candidates.map(({ corners, score }) => {
    if (![...corners, score].every(Number.isFinite)) {
      throw numericalError(
        `detector: its output is not finite ([${corners.join(', ')}], score ${score}). Check that the model is whole and that --detector-kind fits it.`,
      );
    }
    const [x0, x1] = [within(corners[0], width), within(corners[2], width)];
    const [y0, y1] = [within(corners[1], height), within(corners[3], height)];
    return { box: [x0, y0, x1 - x0, y1 - y0] as const, score };
  });
  return boxes
    .filter(({ box }) => box[2] > 0 && box[3] > 0)
    .sort((a, b) => b.score - a.score)
    .slice(0, mostCandidates);
}

/** Greedy: keeps the best, drops what overlaps it by more than `iou`, goes on. `boxes`: best first. */
export function boxNms(boxes: readonly PersonBox[], iou: number): PersonBox[] {
  const kept: PersonBox[] = [];
  for (const candidate of boxes) {
    if (kept.every(({ box }) => boxIou(box, candidate.box) <= iou)) kept.push(candidate);
  }
  return kept;
}
