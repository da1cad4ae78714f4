// Small evaluations, each made to hit one rule of spec 5.2. The numbers beside them were computed
// once by the official evaluator (pycocotools 2.0.11) from the same people.
import type { CocoAnnotation, CocoGroundTruth } from './groundTruth.ts';
import type { CocoResult } from './results.ts';

export interface EvaluationCase {
  readonly name: string;
  readonly groundTruth: CocoGroundTruth;
  readonly results: readonly CocoResult[];
  /** The ten numbers. */
  readonly stats: readonly number[];
}

/** 17 keypoints spread over a box of `size` px at (x, y), all of them visible. */
export function pose(x: number, y: number, size: number, visibility = 2): number[] {
  return Array.from({ length: 17 }, (_, k) => [
    x + (size * ((k * 5) % 17)) / 16,
    y + (size * k) / 16,
    visibility,
  ]).flat();
}

/** A person whose box is the pose's extent; the id is set by `groundTruthOf`. */
export function person(
  imageId: number,
  x: number,
  y: number,
  size: number,
  changes: Partial<CocoAnnotation> = {},
): CocoAnnotation {
  const keypoints = changes.keypoints ?? pose(x, y, size);
  let numKeypoints = 0;
  for (let i = 2; i < keypoints.length; i += 3) if (keypoints[i] > 0) numKeypoints++;
  const bbox = [x, y, size, size] as const;
  const area = size * size;
  return { id: 0, imageId, iscrowd: false, numKeypoints, area, bbox, keypoints, ...changes };
}

export function found(imageId: number, x: number, y: number, size: number, score: number) {
  return { imageId, keypoints: pose(x, y, size, 0.9), score };
}

/** Images 1 to `images` and the people with ids from 1. */
export function groundTruthOf(images: number, people: readonly CocoAnnotation[]): CocoGroundTruth {
  return {
    images: Array.from({ length: images }, (_, i) => ({
      id: i + 1,
      width: 640,
      height: 480,
      fileName: `${i + 1}.jpg`,
    })),
    annotations: people.map((annotation, i) => ({ ...annotation, id: i + 1 })),
  };
}

const unlabelled = pose(0, 0, 0, 0);
/** The first nine keypoints of one pose and the last eight of another. */
const half = (a: number[], b: number[]) => [...a.slice(0, 27), ...b.slice(27)];
/** A tenth of the height: 200 × 20 px is of medium area. */
const flat = (keypoints: number[]) => keypoints.map((v, i) => (i % 3 === 1 ? v / 10 : v));
const range = <T>(count: number, make: (i: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => make(i));

export const cornerCases: readonly EvaluationCase[] = [
  {
    name: 'any number of results may match a crowd, and neither helps nor harms',
    groundTruth: groundTruthOf(1, [
      person(1, 50, 50, 120),
      person(1, 300, 50, 150, { iscrowd: true }),
    ]),
    results: [
      found(1, 300, 50, 150, 0.9),
      found(1, 301, 50, 150, 0.8),
      found(1, 302, 51, 150, 0.7),
      found(1, 52, 51, 120, 0.6),
      found(1, 500, 300, 100, 0.5),
    ],
    stats: [
      0.9999999999999998, 0.9999999999999999, 0.9999999999999999, -1, 0.9999999999999998, 1, 1, 1,
      -1, 1,
    ],
  },
  {
    name: 'a person without keypoints is ignored and excuses one result near its box',
    groundTruth: groundTruthOf(1, [
      person(1, 50, 50, 120),
      person(1, 400, 200, 80, { keypoints: unlabelled }),
    ]),
    results: [
      found(1, 380, 180, 140, 0.9),
      found(1, 390, 190, 120, 0.8),
      found(1, 50, 53, 120, 0.7),
    ],
    stats: [0.5, 0.5, 0.5, -1, 0.5, 1, 1, 1, -1, 1],
  },
  {
    name: 'only the first 20 results of an image count',
    groundTruth: groundTruthOf(2, [
      person(1, 50, 50, 100),
      person(1, 300, 50, 100),
      person(2, 9, 9, 100),
    ]),
    results: [
      ...range(19, (i) => found(1, 400, 300, 40 + i, 0.9 - i / 100)),
      found(1, 50, 50, 100, 0.5),
      found(1, 300, 50, 100, 0.4),
      found(2, 9, 9, 100, 0.3),
    ],
    stats: [
      0.06317774634606318, 0.06317774634606317, 0.06317774634606317, -1, 0.6633663366336634,
      0.6666666666666667, 0.6666666666666666, 0.6666666666666666, -1, 0.6666666666666667,
    ],
  },
  {
    name: 'area ranges contain both bounds, and results of another size are not wrong',
    groundTruth: groundTruthOf(3, [
      person(1, 10, 10, 32),
      person(1, 100, 10, 96),
      person(1, 300, 10, 97),
      person(2, 10, 10, 31),
      person(2, 300, 10, 64, { area: 20_000 }),
    ]),
    results: [
      found(1, 10, 10, 32, 0.9),
      found(1, 101, 11, 96, 0.8),
      found(1, 302, 11, 97, 0.85),
      found(2, 400, 300, 20, 0.99),
      found(2, 301, 10, 64, 0.7),
      found(3, 400, 300, 96, 0.95),
      found(3, 300, 300, 32, 0.6),
      found(3, 200, 300, 200, 0.65),
      { imageId: 2, keypoints: flat(found(2, 400, 200, 200, 0).keypoints), score: 0.97 },
    ],
    stats: [
      0.4582743988684581, 0.4582743988684582, 0.4582743988684582, 0.5, 0.75, 0.8, 0.8, 0.8, 1, 1,
    ],
  },
  {
    name: 'images without gts make their results wrong, images without results miss their gts',
    groundTruth: groundTruthOf(4, [person(1, 50, 50, 100), person(3, 50, 50, 60)]),
    results: [found(2, 50, 50, 100, 0.9), found(1, 51, 52, 100, 0.8), found(4, 5, 5, 50, 0.1)],
    stats: [
      0.2524752475247525, 0.2524752475247525, 0.2524752475247525, 0, 0.5, 0.5, 0.5, 0.5, 0, 1,
    ],
  },
  {
    name: 'equal scores keep file order within an image and image order across images',
    groundTruth: groundTruthOf(3, [person(3, 50, 50, 100), person(1, 50, 50, 90)]),
    results: [
      found(3, 56, 54, 100, 0.5),
      found(2, 50, 50, 100, 0.5),
      found(1, 200, 200, 90, 0.5),
      found(3, 50, 50, 100, 0.5),
      found(1, 50, 50, 90, 0.5),
    ],
    stats: [0.4801980198019802, 0.5, 0.5, 0.5, 0.4333333333333333, 1, 1, 1, 1, 1],
  },
  {
    name: 'of two gts with equal OKS the later is taken',
    groundTruth: groundTruthOf(1, [
      person(1, 50, 50, 100),
      person(1, 50, 50, 100, { keypoints: half(pose(50, 50, 100), unlabelled) }),
    ]),
    results: [
      found(1, 50, 50, 100, 0.9),
      { imageId: 1, keypoints: half(pose(50, 50, 100), pose(400, 300, 100)), score: 0.8 },
    ],
    stats: [
      0.5544554455445545, 1, 0.5049504950495048, -1, 0.5544554455445545, 0.55, 1, 0.5, -1, 0.55,
    ],
  },
  {
    name: 'a result takes an ignored gt only when no other gt reaches the threshold',
    groundTruth: groundTruthOf(1, [
      person(1, 50, 50, 100, { iscrowd: true }),
      person(1, 58, 50, 100),
    ]),
    results: [found(1, 50, 50, 100, 0.9), found(1, 400, 50, 100, 0.8)],
    stats: [
      0.49999999999999994, 0.9999999999999999, 0, -1, 0.49999999999999994, 0.5, 1, 0, -1, 0.5,
    ],
  },
  {
    name: 'recall levels are multiples of 0.01, so 35 of 100 falls short of the level 0.35',
    groundTruth: groundTruthOf(
      100,
      range(100, (i) => person(i + 1, 50, 50, 100)),
    ),
    results: [
      ...range(35, (i) => found(i + 1, 50, 50, 100, 0.9 - i / 1000)),
      ...range(20, (i) => found(i + 1, 300, 300, 100, 0.5 - i / 1000)),
      ...range(40, (i) => found(i + 41, 50, 50, 100, 0.3 - i / 1000)),
    ],
    stats: [
      0.6670140698280355, 0.6670140698280356, 0.6670140698280356, -1, 0.6670140698280355, 0.75,
      0.75, 0.75, -1, 0.75,
    ],
  },
  {
    name: 'without anybody to find the numbers are −1',
    groundTruth: groundTruthOf(2, [person(1, 50, 50, 100, { iscrowd: true })]),
    results: [found(1, 50, 50, 100, 0.9), found(2, 50, 50, 100, 0.8)],
    stats: [-1, -1, -1, -1, -1, -1, -1, -1, -1, -1],
  },
];
