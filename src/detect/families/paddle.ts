// PaddleDetection's exports with the suppression inside (PicoDet, PP-YOLOE, RT-DETR, ...), turned into
// ONNX by paddle2onnx: rows [N, 6] of class, score and corners in px of the picture itself, for which
// the model is told how the picture was resized.

import type { OnnxSummary } from '../../onnx/read.ts';
import type { Candidate } from '../boxNms.ts';
import {
  type DetectorFamily,
  feedPicture,
  float,
  imageNet,
  isSize,
  type ModelFacts,
  output,
  sizeOfInput,
  type Tensors,
  toUnit,
} from '../family.ts';
import type { PictureRules } from '../pictureTensor.ts';

const input = ({ inputs }: OnnxSummary, name: string) =>
  inputs.find((tensor) => tensor.name === name);

const rowsOutput = ({ outputs }: OnnxSummary) =>
  outputs.find(
    ({ type, shape }) =>
      type === 'float32' && shape.length === 2 && (shape[1] === 6 || !isSize(shape[1])),
  ) ?? outputs.find(({ type, shape }) => type === 'float32' && shape.length === 0);

export const paddle: DetectorFamily = {
  kind: 'paddle',
  about:
    "PaddleDetection's PicoDet, PP-YOLOE, RT-DETR: image, scale_factor, maybe im_shape -> [N, 6] of class, score, corners",
  fits: (signature) =>
    input(signature, 'image') !== undefined &&
    input(signature, 'scale_factor') !== undefined &&
    rowsOutput(signature) !== undefined,
  open(facts) {
    const { signature, threshold, personOf } = facts;
    const size = sizeOfInput(facts, { width: 640, height: 640 });
    const { rules, notes } = paddleRules(facts);
    const name = rowsOutput(signature)!.name;
    const person = personOf(undefined);
    return {
      inputSize: size,
      notes,
      nmsIou: undefined,
      feed: feedPicture('image', size, rules, (frame) => {
        const more: Record<string, Tensors[string]> = {
          scale_factor: float(frame.scaleY, frame.scaleX),
          im_shape: float(frame.inner.height, frame.inner.width),
        };
        return Object.fromEntries(
          Object.entries(more).filter(([key]) => input(signature, key) !== undefined),
        );
      }),
      read(outputs) {
        const { data } = output(outputs, name, 2);
        const found: Candidate[] = [];
        for (let at = 0; at + 6 <= data.length; at += 6) {
          const [label, score, x0, y0, x1, y1] = data.subarray(at, at + 6) as unknown as number[];
          // Rows of class -1 only fill up.
          if (Math.round(label!) !== person || score! < threshold) continue;
          found.push({ corners: [x0!, y0!, x1!, y1!], score: score! });
        }
        return found;
      },
    };
  },
};

/** By infer_cfg.yml, or else as the configs of PicoDet (ImageNet's) and RT-DETR (0 to 1) have it. */
export function paddleRules({ side, signature, file }: ModelFacts): {
  readonly rules: PictureRules;
  readonly notes: readonly string[];
} {
  const likeRtDetr = input(signature, 'im_shape') !== undefined;
  const guess = likeRtDetr ? toUnit : imageNet;
  const placement = side.keepRatio ? 'corner' : 'stretch';
  const normalize = side.normalize ?? guess;
  // What fills up is 0 after normalisation, so that the mean stands for it.
  const rules = { placement, order: 'rgb', fill: normalize.mean[0], ...normalize } as const;
  if (side.normalize) return { rules, notes: [] };
  const assumed = likeRtDetr
    ? 'values from 0 to 1, as RT-DETR has them'
    : "ImageNet's mean and deviation, as PicoDet has them";
  return {
    rules,
    notes: [
      `${file}: no infer_cfg.yml lies beside it to tell how pictures are normalised; taking ${assumed}. Copy the one that PaddleDetection exported if people are not found.`,
    ],
  };
}
