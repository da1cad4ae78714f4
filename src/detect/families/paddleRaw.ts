// PaddleDetection's exports without suppression. PP-YOLOE: corners [1, N, 4] in px of the picture and
// scores [1, C, N]. PicoDet, for each stride: scores [1, cells, C] and distances [1, cells, 4·bins],
// each a distribution over bins whose mean, in cells, reaches from the cell's middle to a side of the
// box (Li et al., "Generalized Focal Loss", 2020).
import type { Size } from '../../data/record.ts';
import { inputError } from '../../errors.ts';
import type { OnnxSummary, SummaryValue } from '../../onnx/read.ts';
import type { Candidate } from '../boxNms.ts';
import {
  type DetectorFamily,
  feedPicture,
  float,
  isSize,
  type ModelFacts,
  output,
  pictureInput,
  sizeOfInput,
  type Tensors,
} from '../family.ts';
import { type Frame, toPicture } from '../pictureTensor.ts';
import { cellCount, cellsOf } from './grid.ts';
import { paddleRules } from './paddle.ts';

type Layout =
  | { readonly kind: 'boxes'; readonly boxes: string; readonly scores: string }
  | {
      readonly kind: 'levels';
      readonly scores: readonly string[];
      readonly distances: readonly string[];
    };

function layoutOf(signature: OnnxSummary): Layout | undefined {
  const { inputs, outputs } = signature;
  if (pictureInput(signature)?.name !== 'image' || inputs.some(({ name }) => name === 'im_shape'))
    return undefined;
  if (!outputs.every(({ type, shape }) => type === 'float32' && shape.length === 3))
    return undefined;
  const boxes = outputs.filter(({ shape }) => shape[2] === 4);
  if (outputs.length === 2 && boxes.length === 1) {
    const scores = outputs.find((tensor) => tensor !== boxes[0])!;
    return { kind: 'boxes', boxes: boxes[0]!.name, scores: scores.name };
  }
  return levelsOf(outputs);
}

/** Scores come first, then distances, both from the finest grid to the coarsest. */
function levelsOf(outputs: readonly SummaryValue[]): Layout | undefined {
  const levels = outputs.length / 2;
  if (!Number.isInteger(levels) || levels < 2) return undefined;
  const [scores, distances] = [outputs.slice(0, levels), outputs.slice(levels)];
  const bins = distances[0]!.shape[2];
  const fits =
    isSize(bins) &&
    bins % 4 === 0 &&
    bins >= 8 &&
    distances.every(({ shape }) => shape[2] === bins) &&
    scores.every(
      ({ shape }, i) => shape[2] === scores[0]!.shape[2] && shape[1] === distances[i]!.shape[1],
    );
  const names = (tensors: readonly SummaryValue[]) => tensors.map(({ name }) => name);
  return fits ? { kind: 'levels', scores: names(scores), distances: names(distances) } : undefined;
}

export const paddleRaw: DetectorFamily = {
  kind: 'paddle-raw',
  about:
    "PaddleDetection's PP-YOLOE or PicoDet without suppression: image -> boxes [1, N, 4] and scores [1, classes, N], or scores and distances of each stride",
  fits: (signature) => layoutOf(signature) !== undefined,
  open(facts) {
    const { signature } = facts;
    const layout = layoutOf(signature);
    if (layout === undefined)
      throw inputError(`${facts.file}: its outputs are not those of a PaddleDetection model.`);
    const size = sizeOfInput(facts, { width: 640, height: 640 });
    const { rules, notes } = paddleRules(facts);
    const scaled = signature.inputs.some(({ name }) => name === 'scale_factor');
    return {
      inputSize: size,
      notes,
      nmsIou: 0.6,
      feed: feedPicture(
        'image',
        size,
        rules,
        (frame): Tensors => (scaled ? { scale_factor: float(frame.scaleY, frame.scaleX) } : {}),
      ),
      read: (outputs, frame) =>
        layout.kind === 'boxes'
          ? readBoxes(outputs, layout, scaled ? undefined : frame, facts)
          : readLevels(outputs, layout, size, frame, facts),
    };
  },
};

function readBoxes(
  outputs: Tensors,
  layout: Extract<Layout, { kind: 'boxes' }>,
  frame: Frame | undefined,
  { personOf, threshold }: ModelFacts,
): Candidate[] {
  const boxes = output(outputs, layout.boxes, 3);
  const scores = output(outputs, layout.scores, 3);
  const [, classes, count] = scores.dims as [number, number, number];
  if (boxes.dims[1] !== count)
    throw inputError(`detector: ${boxes.dims[1]} boxes but scores for ${count}.`);
  const person = personOf(classes) * count;
  const found: Candidate[] = [];
  for (let i = 0; i < count; i++) {
    const score = scores.data[person + i]!;
    if (score < threshold) continue;
    const corners = boxes.data.subarray(4 * i, 4 * i + 4) as unknown as Candidate['corners'];
    found.push({ corners: frame ? toPicture(frame, corners) : ([...corners] as never), score });
  }
  return found;
}

function readLevels(
  outputs: Tensors,
  layout: Extract<Layout, { kind: 'levels' }>,
  size: Size,
  frame: Frame,
  { personOf, threshold, file }: ModelFacts,
): Candidate[] {
  return layout.scores.flatMap((name, level) => {
    const scores = output(outputs, name, 3);
    const distances = output(outputs, layout.distances[level]!, 3);
    const [, count, classes] = scores.dims as [number, number, number];
    const stride = [8, 16, 32, 64, 128].find((candidate) => cellCount(size, candidate) === count);
    if (stride === undefined || distances.dims[1] !== count) {
      throw inputError(
        `${file}: '${name}' has ${count} rows, which is no grid over ${size.width}×${size.height}. Name another kind of detector.`,
      );
    }
    const bins = distances.dims[2]! / 4;
    const person = personOf(classes);
    return cellsOf(size, [stride]).flatMap(({ x, y }, i): Candidate[] => {
      const score = scores.data[i * classes + person]!;
      if (score < threshold) return [];
      const reach = (side: number) =>
        meanBin(distances.data.subarray((4 * i + side) * bins, (4 * i + side + 1) * bins)) * stride;
      const [cx, cy] = [(x + 0.5) * stride, (y + 0.5) * stride];
      const corners = [cx - reach(0), cy - reach(1), cx + reach(2), cy + reach(3)] as const;
      return [{ corners: toPicture(frame, corners), score }];
    });
  });
}

/** Σ i·softmax(logits)ᵢ */
export function meanBin(logits: Float32Array): number {
  const most = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  let [sum, weighted] = [0, 0];
  logits.forEach((logit, i) => {
    const weight = Math.exp(logit - most);
    sum += weight;
    weighted += weight * i;
  });
  return weighted / sum;
}
