// What can be wrong with a data set, and a collector that counts every kind and keeps a few examples.

export type Severity = 'error' | 'warning';

/** Errors stop training or make its numbers wrong; warnings are worth a look. */
const kinds = {
  unreadable: ['error', 'files that cannot be read'],
  imageEntry: ['error', 'image entries without a usable id, size or file name'],
  repeatedImageId: ['error', 'image ids that stand there twice'],
  annotationEntry: ['error', 'annotations without a usable id, image id or iscrowd'],
  repeatedAnnotationId: ['error', 'annotation ids that stand there twice'],
  unknownImage: ['error', 'annotations of images that are not listed'],
  keypointLength: ['error', 'keypoint lists of the wrong length'],
  keypointNumbers: ['error', 'keypoint lists with something that is no finite number'],
  visibility: ['error', 'keypoints with a visibility other than 0, 1, 2'],
  keypointCount: ['error', 'annotations whose num_keypoints is not the number of v > 0'],
  badBox: ['error', 'boxes that are not four finite numbers with width and height ≥ 0'],
  badArea: ['error', 'annotations without a finite area'],
  noPeople: ['error', 'splits with nobody to crop'],
  missingPicture: ['error', 'pictures with people that are not in the image folder'],
  brokenPicture: ['error', 'pictures that cannot be decoded'],
  pictureSize: ['error', 'pictures of another size than the annotations say'],
  detectionEntry: ['error', 'detections without a usable image id, category, box or score'],
  selfScore: ['error', 'ground truths that do not score AP 1 against themselves'],
  zeroArea: ['warning', 'labelled people with an area of 0 or less; they are left out'],
  emptyBox: [
    'warning',
    'labelled people of whose box nothing lies in the picture; they are left out',
  ],
  boxOutside: ['warning', 'boxes that reach more than a pixel out of the picture'],
  keypointOutside: ['warning', 'labelled keypoints more than a pixel outside of the picture'],
  category: ['warning', 'annotations of a category other than 1; they count as people'],
  idZero: ['warning', 'annotations with id 0, which other evaluators take for no match'],
  repeatedFileName: ['warning', 'pictures that are listed under several ids'],
  missingUnused: ['warning', 'pictures without people that are not in the image folder'],
  unlistedDetection: ['warning', 'detections on images that the annotations do not list'],
  detectionScore: ['warning', 'detections with a score outside of 0 to 1'],
  coarseHeatmaps: ['warning', 'ways through the heatmaps that cost more than 0.05 AP'],
  sharedPicture: ['warning', 'pictures that are both trained and scored on'],
} as const satisfies Record<string, readonly [Severity, string]>;

export type ProblemKind = keyof typeof kinds;

export interface Problem {
  readonly kind: ProblemKind;
  readonly severity: Severity;
  readonly what: string;
  readonly count: number;
  /** The first few. */
  readonly examples: readonly string[];
}

const maxExamples = 5;

export interface Problems {
  add(kind: ProblemKind, example: string): void;
  /** Errors first, each in the order of the table above. */
  list(): Problem[];
}

export function createProblems(): Problems {
  const found = new Map<ProblemKind, { count: number; examples: string[] }>();
  return {
    add(kind, example) {
      const entry = found.get(kind) ?? { count: 0, examples: [] };
      entry.count += 1;
      if (entry.examples.length < maxExamples) entry.examples.push(example.slice(0, 300));
      found.set(kind, entry);
    },
    list() {
      const all = Object.entries(kinds) as [ProblemKind, readonly [Severity, string]][];
      return all.flatMap(([kind, [severity, what]]) => {
        const entry = found.get(kind);
        return entry === undefined ? [] : [{ kind, severity, what, ...entry }];
      });
    },
  };
}
