// RT-DETR, D-FINE and their kin as their authors export them: images and orig_target_sizes in; labels,
// boxes and scores out, the boxes as corners in px of the size that was told.
import { inputError } from '../../errors.ts';
import type { OnnxSummary } from '../../onnx/read.ts';
import type { Candidate } from '../boxNms.ts';
import {
  type DetectorFamily,
  feedPicture,
  output,
  sizeOfInput,
  type Tensors,
  toUnit,
} from '../family.ts';

const named = (tensors: OnnxSummary['inputs'], name: string) =>
  tensors.some((tensor) => tensor.name === name);

export const rtdetr: DetectorFamily = {
  kind: 'rtdetr',
  about: 'RT-DETR, D-FINE: images, orig_target_sizes -> labels, boxes, scores',
  fits: ({ inputs, outputs }) =>
    ['images', 'orig_target_sizes'].every((name) => named(inputs, name)) &&
    ['labels', 'boxes', 'scores'].every((name) => named(outputs, name)),
  open(facts) {
    const size = sizeOfInput(facts, { width: 640, height: 640 });
    const normalize = facts.side.normalize ?? toUnit;
    const rules = { placement: 'stretch', order: 'rgb', fill: 0, ...normalize } as const;
    return {
      inputSize: size,
      notes: [],
      nmsIou: undefined,
      feed: feedPicture('images', size, rules, (_, { width, height }) => ({
        orig_target_sizes: {
          type: 'int64',
          data: BigInt64Array.of(BigInt(width), BigInt(height)),
          dims: [1, 2],
        },
      })),
      read(outputs) {
        const boxes = output(outputs, 'boxes', 3);
        const scores = output(outputs, 'scores', 2);
        const labels = labelsOf(outputs, scores.data.length);
        const person = facts.personOf(undefined);
        const found: Candidate[] = [];
        scores.data.forEach((score, i) => {
          if (score < facts.threshold || labels[i] !== person) return;
          const [x0, y0, x1, y1] = boxes.data.subarray(4 * i, 4 * i + 4) as unknown as number[];
          found.push({ corners: [x0!, y0!, x1!, y1!], score });
        });
        return found;
      },
    };
  },
};

function labelsOf(outputs: Tensors, count: number): number[] {
  const labels = Array.from(outputs.labels?.data ?? [], Number);
  if (labels.length === count) return labels;
  throw inputError(`detector: expected ${count} labels, one for each score, got ${labels.length}.`);
}
