// What a check found, as data and as text.
import type { Problem } from './problems.ts';
import type { SelfScore } from './selfScore.ts';

export interface SplitCounts {
  /** Entries of the annotation file. */
  readonly images: number;
  readonly annotations: number;
  /** Sound annotations that the cleaning rules leave out (spec 3.2), by reason. */
  readonly crowds: number;
  readonly unlabelled: number;
  readonly emptyBoxes: number;
  /** People that training or scoring crops. */
  readonly people: number;
  /** Labelled keypoints of those; 0 for detections. */
  readonly keypoints: number;
  /** Entries of the detection file, where one is used. */
  readonly detections?: number;
  readonly picturesDecoded: number;
}

export interface SplitReport {
  readonly split: 'train' | 'eval';
  readonly annoPath: string;
  readonly imageDir: string;
  readonly counts: SplitCounts;
  readonly selfScore?: SelfScore;
  readonly problems: readonly Problem[];
}

export interface CheckReport {
  /** No problem is an error. */
  readonly ok: boolean;
  readonly splits: readonly SplitReport[];
}

export function formatReport(report: CheckReport): string {
  const problems = report.splits.flatMap((split) => split.problems);
  const errors = problems.filter(({ severity }) => severity === 'error').length;
  const warnings = problems.length - errors;
  const verdict = report.ok
    ? `No errors${warnings > 0 ? `, ${count(warnings, 'kind')} of warnings` : ''}.`
    : `${count(errors, 'kind')} of errors, ${warnings} of warnings: mend the errors before training.`;
  return [...report.splits.map(formatSplit), verdict].join('\n');
}

const count = (n: number, what: string) => `${n} ${what}${n === 1 ? '' : 's'}`;

function formatSplit({ split, annoPath, imageDir, counts, selfScore, problems }: SplitReport) {
  const { detections, crowds, unlabelled, emptyBoxes } = counts;
  const rows: [string, string | number][] = [
    ['pictures', `${counts.images}, ${counts.picturesDecoded} of them decoded`],
    ['annotations', counts.annotations],
    ['  left out', `${crowds} crowds, ${unlabelled} without keypoints, ${emptyBoxes} with no box`],
    ...(detections === undefined ? [] : [['detections', detections] as [string, number]]),
    ['people', `${counts.people}, with ${counts.keypoints} labelled keypoints`],
  ];
  if (selfScore !== undefined) {
    const { itself, throughHeatmaps, people } = selfScore;
    rows.push(['truth against itself', `AP ${itself.toFixed(4)}`]);
    rows.push(['truth through heatmaps', `AP ${throughHeatmaps.toFixed(4)} (${people} people)`]);
  }
  const table = rows.map(([name, value]) => `  ${name.padEnd(24)}${value}`);
  const found = problems.map(formatProblem);
  return [`${split}: ${annoPath}, pictures in ${imageDir}`, ...table, ...found, ''].join('\n');
}

function formatProblem({ severity, what, count, examples }: Problem): string {
  const more = count > examples.length ? [`    … ${count - examples.length} more`] : [];
  return [`  ${severity}: ${what} (${count})`, ...examples.map((e) => `    ${e}`), ...more].join(
    '\n',
  );
}
