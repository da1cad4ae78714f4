// Heatmaps to keypoints inside an ONNX graph (spec 4.2, 4.4): what pose/codec does, in standard
// operators and in float32. All maps are done at once; where a step does not apply, a Where leaves it
// out. DARK's step is in decodeDark.ts.
import { float32s, int, int64s, ints, type OnnxBuilder } from './builder.ts';
import {
  cellsAround,
  combine,
  isInside,
  type Maps,
  number,
  type Peaks,
  whole,
} from './decodeCells.ts';
import { darkStep } from './decodeDark.ts';
import { cast } from './rounding.ts';

export interface DecodeRules {
  /** Side of DARK's blur; without one peaks are moved by the quarter offset instead. */
  readonly darkKernel: number | undefined;
  /** Input pixels to one heatmap pixel. */
  readonly pixelsPerCell: readonly [x: number, y: number];
}

/**
 * heatmaps: [N, K, H, W] float32
 * → keypoints: [N, K, 2] float32, x and y in input pixels; scores: [N, K] float32
 */
export function emitDecode(
  g: OnnxBuilder,
  heatmaps: string,
  [keypoints, height, width]: readonly [number, number, number],
  rules: DecodeRules,
): void {
  const shape = g.constant('decode.flatShape', 'int64', [3], int64s(0, keypoints, height * width));
  const flat = g.node('Reshape', [heatmaps, shape], { name: 'decode.flat' });
  const maps = { g, heatmaps, flat, keypoints, width, height };
  const peaks = findPeaks(maps);
  const step =
    rules.darkKernel === undefined
      ? quarterOffset(maps, peaks)
      : darkStep(maps, peaks, rules.darkKernel);
  const coordinates = [peaks.x, peaks.y].map((v) => cast(g, v, 'float32', `${v}.float`));
  const whole = g.node('Concat', coordinates, {
    name: 'decode.peak',
    attributes: { axis: int(-1) },
  });
  const position = g.node('Add', [whole, step], { name: 'decode.position' });
  const scale = g.constant(
    'decode.pixelsPerCell',
    'float32',
    [2],
    float32s(...rules.pixelsPerCell),
  );
  g.node('Mul', [position, scale], { name: 'decode.keypoints', output: 'keypoints' });
  const last = g.constant('decode.lastAxis', 'int64', [1], int64s(2));
  g.node('Squeeze', [peaks.score, last], { name: 'decode.scores', output: 'scores' });
}

/** The first maximum of each map in row-major order; (0, 0) where it is not positive. */
function findPeaks({ g, flat, width }: Maps): Peaks {
  const first = g.node('ArgMax', [flat], {
    name: 'decode.argMax',
    attributes: { axis: int(2), keepdims: int(1), select_last_index: int(0) },
  });
  const score = g.node('ReduceMax', [flat], {
    name: 'decode.maximum',
    attributes: { axes: ints(2), keepdims: int(1) },
  });
  const positive = g.node('Greater', [score, number(g, 'zero', 0)], { name: 'decode.positive' });
  const cell = g.node('Where', [positive, first, whole(g, 'firstCell', 0)], {
    name: 'decode.cell',
  });
  const w = whole(g, 'width', width);
  return {
    cell,
    score,
    x: g.node('Mod', [cell, w], { name: 'decode.x' }),
    y: g.node('Div', [cell, w], { name: 'decode.y' }),
  };
}

/** A quarter of a cell toward the higher neighbour along each axis, [N, K, 2]. */
function quarterOffset(maps: Maps, peaks: Peaks): string {
  const { g, width } = maps;
  const inside = isInside(maps, peaks, 1);
  const around = cellsAround(maps, maps.flat, peaks, inside, [1, -1, width, -width]);
  const slopes = combine(g, 'slopes', around, [
    [1, -1, 0, 0],
    [0, 0, 1, -1],
  ]);
  const sign = g.node('Sign', [slopes], { name: 'decode.sign' });
  const quarter = g.node('Mul', [sign, number(g, 'quarter', 0.25)], { name: 'decode.quarters' });
  return g.node('Where', [inside, quarter, number(g, 'stay', 0)], { name: 'decode.step' });
}
