// Transformers' RT-DETR and D-FINE (pixel_values -> logits, pred_boxes) and RF-DETR (dets, labels): for
// each query a logit for every class and middle x, y, width, height in shares of the picture.
import { inputError } from '../../errors.ts';
import type { OnnxSummary } from '../../onnx/read.ts';
import type { Candidate } from '../boxNms.ts';
import {
  type DetectorFamily,
  feedPicture,
  imageNet,
  output,
  pictureInput,
  sizeOfInput,
  toUnit,
} from '../family.ts';

const pairs = [
  { logits: 'logits', boxes: 'pred_boxes' },
  { logits: 'labels', boxes: 'dets' },
] as const;

const pairOf = ({ outputs }: OnnxSummary) =>
  pairs.find(({ logits, boxes }) =>
    [logits, boxes].every((name) =>
      outputs.some(
        (tensor) => tensor.name === name && tensor.type === 'float32' && tensor.shape.length === 3,
      ),
    ),
  );

export const detr: DetectorFamily = {
  kind: 'detr',
  about:
    "Transformers' RT-DETR, D-FINE: pixel_values -> logits, pred_boxes; RF-DETR: input -> dets, labels",
  // With a pixel_mask it is DETR of old, whose logits are read otherwise.
  fits: (signature) =>
    signature.inputs.length === 1 &&
    pictureInput(signature) !== undefined &&
    pairOf(signature) !== undefined,
  open(facts) {
    const { signature, side, personOf, threshold } = facts;
    const pair = pairOf(signature);
    if (pair === undefined) throw inputError(`${facts.file}: its outputs are not those of a DETR.`);
    const size = sizeOfInput(facts, { width: 640, height: 640 });
    const usual = pair.boxes === 'dets' ? imageNet : toUnit;
    const rules = {
      placement: 'stretch',
      order: 'rgb',
      fill: 0,
      ...(side.normalize ?? usual),
    } as const;
    return {
      inputSize: size,
      notes: [],
      nmsIou: undefined,
      feed: feedPicture(pictureInput(signature)!.name, size, rules),
      read(outputs, _, { width, height }) {
        const logits = output(outputs, pair.logits, 3);
        const boxes = output(outputs, pair.boxes, 3);
        const [, queries, classes] = logits.dims as [number, number, number];
        if (boxes.dims[1] !== queries || boxes.dims[2] !== 4)
          throw inputError(`detector: ${queries} queries but boxes [${boxes.dims.join(', ')}].`);
        const person = personOf(classes);
        const found: Candidate[] = [];
        for (let q = 0; q < queries; q++) {
          const score = 1 / (1 + Math.exp(-logits.data[q * classes + person]!));
          if (score < threshold) continue;
          const [x, y, w, h] = boxes.data.subarray(4 * q, 4 * q + 4) as unknown as number[];
          const [left, right] = [(x! - w! / 2) * width, (x! + w! / 2) * width];
          const [top, bottom] = [(y! - h! / 2) * height, (y! + h! / 2) * height];
          found.push({ corners: [left, top, right, bottom], score });
        }
        return found;
      },
    };
  },
};
