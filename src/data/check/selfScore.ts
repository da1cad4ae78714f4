// The ground truth as if it were a prediction: scored as it is, which must give AP 1, and after the
// way through crop, heatmaps and back, which is the most that a perfect network could reach.
import { evaluateKeypoints } from '../../eval/cocoEval.ts';
import { MAX_DETECTIONS } from '../../eval/cocoPeople.ts';
import type { CocoAnnotation, CocoGroundTruth } from '../../eval/groundTruth.ts';
import type { CocoResult } from '../../eval/results.ts';
import { affineTransform, applyAffine, sizeInPixels, udpTransform } from '../../pose/affine.ts';
import { heatmapCodecs } from '../../pose/codec/index.ts';
import { backProject } from '../../pose/decode.ts';
import type { Settings } from '../../train/settings.ts';
import type { PersonRecord } from '../record.ts';
import { spread } from './pictures.ts';

/** People sent through heatmaps unless all are asked for. */
const sampleCount = 500;

export interface SelfScore {
  /** AP of the ground truth against itself, all keypoints exact. */
  readonly itself: number;
  /** AP after crop, heatmaps and back, with the codec of the settings. */
  readonly throughHeatmaps: number;
  /** People that `throughHeatmaps` was taken over. */
  readonly people: number;
}

/** Undefined where nobody can be scored. `records` are the people of `truth` that training uses. */
export function scoreItself(
  truth: CocoGroundTruth,
  records: readonly PersonRecord[],
  settings: Settings,
  thorough: boolean,
): SelfScore | undefined {
  const people = scorable(truth, records);
  if (people.length === 0) return undefined;
  const { oksSigmas } = settings.skeleton;
  const score = (of: readonly ScorablePerson[], result: (person: ScorablePerson) => CocoResult) => {
    const annotations = of.map(({ annotation }) => annotation);
    const part = { ...truth, annotations };
    return evaluateKeypoints(part, of.map(result), oksSigmas).stats[0]!;
  };
  const chosen = thorough ? people : spread(people, sampleCount);
  return {
    itself: score(people, ({ annotation }) => asResult(annotation, annotation.keypoints)),
    throughHeatmaps: score(chosen, ({ annotation, record }) =>
      asResult(annotation, throughHeatmaps(record, settings)),
    ),
    people: chosen.length,
  };
}

interface ScorablePerson {
  readonly annotation: CocoAnnotation;
  readonly record: PersonRecord;
}

/** The evaluator looks at so many people of a picture and no more, so further ones are left out. */
function scorable(truth: CocoGroundTruth, records: readonly PersonRecord[]): ScorablePerson[] {
  const annotations = new Map(truth.annotations.map((annotation) => [annotation.id, annotation]));
  const counts = new Map<number, number>();
  const people: ScorablePerson[] = [];
  for (const record of records) {
    const annotation = annotations.get(record.annotationId);
    const count = counts.get(record.imageId) ?? 0;
    if (annotation === undefined || annotation.numKeypoints === 0) continue;
    if (count >= MAX_DETECTIONS) continue;
    counts.set(record.imageId, count + 1);
    people.push({ annotation, record });
  }
  return people;
}

const asResult = ({ imageId }: CocoAnnotation, keypoints: ArrayLike<number>): CocoResult => ({
  imageId,
  keypoints,
  score: 1,
});

/** [K, 3]: x, y in pixels of the picture, peak of the heatmap. */
function throughHeatmaps(record: PersonRecord, settings: Settings): Float32Array {
  const { inputSize, heatmapSize, target, eval: scoring } = settings;
  const { width, height } = heatmapSize;
  const count = record.visible.length;
  const heatmaps = new Float32Array(count * height * width);
  const weights = new Float32Array(count);
  const points = toInput(record, settings);
  const { encode } = heatmapCodecs[target.codec];
  encode(points, record.visible, inputSize, heatmapSize, target.sigma, heatmaps, weights);
  const decoder = target.codec === 'udp' ? 'udp' : scoring.useDark ? 'dark' : 'standard';
  const options = { kernel: scoring.darkKernel };
  const decoded = heatmapCodecs[decoder].decode(heatmaps, [1, count, height, width], options);
  const centers = Float32Array.from(record.center);
  const scales = Float32Array.from(record.scale);
  const xy = backProject(decoded, centers, scales, heatmapSize, scoring.udp);
  return Float32Array.from({ length: 3 * count }, (_, i) =>
    i % 3 === 2 ? decoded.scores[(i - 2) / 3]! : xy[2 * Math.floor(i / 3) + (i % 3)]!,
  );
}

/** Keypoints in input pixels, [K, 2]. */
function toInput({ center, scale, keypoints }: PersonRecord, settings: Settings): Float32Array {
  const m = settings.eval.udp
    ? udpTransform(center, scale, 0, settings.inputSize)
    : affineTransform(center, sizeInPixels(scale), 0, settings.inputSize);
  const points = new Float32Array(keypoints.length);
  for (let i = 0; i < points.length; i += 2) {
    points.set(applyAffine(m, keypoints[i]!, keypoints[i + 1]!), i);
  }
  return points;
}
