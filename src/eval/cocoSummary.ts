// Evaluation results as text: the official evaluator's ten lines, PaddleDetection's table and a
// table by keypoint.
import type { KeypointScore } from './keypointScores.ts';

// Rows of the ten numbers, in their order.
const ROWS = ['all', 'all .50', 'all .75', 'medium', 'large'];
const COLUMNS = ['', ' .5', ' .75', ' (M)', ' (L)'];

/** ` Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets= 20 ] = 0.529`, ten such. */
export function officialLines(stats: readonly number[]): string[] {
  return stats.map((value, i) => {
    const title = i < ROWS.length ? 'Average Precision  (AP)' : 'Average Recall     (AR)';
    const [area, threshold] = ROWS[i % ROWS.length].split(' ');
    const oks = (threshold ? `0${threshold}` : '0.50:0.95').padEnd(9);
    return ` ${title} @[ IoU=${oks} | area=${area.padStart(6)} | maxDets= 20 ] = ${fixed3(value)}`;
  });
}

/** Header, rule (one cell too many, as there), values. */
export function paddleTable(stats: readonly number[]): string[] {
  const names = [
    ...COLUMNS.map((column, i) => `${i === 1 ? 'Ap' : 'AP'}${column}`),
    ...COLUMNS.map((column) => `AR${column}`),
  ];
  return [row(names), `${'|---'.repeat(names.length + 1)}|`, row(stats.map(fixed3))];
}

/** AP, mean error in pixels, how many were labelled and found, a line each keypoint. */
export function keypointTable(
  names: readonly string[],
  scores: readonly KeypointScore[],
): string[] {
  const width = Math.max(8, ...names.map((name) => name.length));
  const line = (name: string, ...cells: string[]) =>
    name.padEnd(width) + cells.map((cell) => cell.padStart(10)).join('');
  return [
    line('keypoint', 'AP', 'error px', 'found', 'labelled'),
    ...scores.map(({ ap, error, found, labelled }, k) =>
      line(names[k], fixed3(ap), found ? error.toFixed(2) : '-', `${found}`, `${labelled}`),
    ),
  ];
}

const row = (cells: readonly string[]) => `${cells.map((cell) => `| ${cell}`).join(' ')} |`;

/**
 * Three decimals as C and Python round: a tie goes to the even digit, where toFixed takes the
 * larger number. Of all doubles only odd sixteenths (0.0625) lie on a tie.
 */
export function fixed3(x: number): string {
  if (Math.abs((x * 16) % 2) !== 1) return x.toFixed(3);
  const below = Math.floor(x * 1000);
  return ((below % 2 === 0 ? below : below + 1) / 1000).toFixed(3);
}
