// The result file, byte for byte as Python's json.dump(…, sort_keys=True, indent=4) writes it, so
// that files of both can be compared with diff (spec 5.1.4).
import { inputError } from '../errors.ts';
import type { CocoResult } from './results.ts';

/** Keys in alphabetical order; center and scale where a result has them. No newline at the end. */
export function formatResults(results: readonly CocoResult[], categoryId = 1): string {
  if (results.length === 0) return '[]';
  return `[\n${results.map((result, i) => formatResult(result, i, categoryId)).join(',\n')}\n]`;
}

function formatResult(result: CocoResult, index: number, categoryId: number): string {
  const float = (x: number) => {
    if (Number.isFinite(x)) return pythonFloat(x);
    throw inputError(`results: entry ${index} (image ${result.imageId}): ${x} cannot be written`);
  };
  const list = (values: ArrayLike<number>) =>
    `[\n${Array.from(values, (x) => `            ${float(x)}`).join(',\n')}\n        ]`;
  const fields: string[] = [`"category_id": ${categoryId}`];
  if (result.center) fields.push(`"center": ${list(result.center)}`);
  fields.push(`"image_id": ${result.imageId}`, `"keypoints": ${list(result.keypoints)}`);
  if (result.scale) fields.push(`"scale": ${list(result.scale)}`);
  fields.push(`"score": ${float(result.score)}`);
  return `    {\n${fields.map((field) => `        ${field}`).join(',\n')}\n    }`;
}

/**
 * A finite number as Python's repr of a float. Digits are the same as here, the shortest that read
 * back; Python keeps '.0' and turns to exponents below 1e-4 and from 1e16, with two digits.
 */
export function pythonFloat(x: number): string {
  const size = Math.abs(x);
  if (size !== 0 && (size < 1e-4 || size >= 1e16)) {
    return x.toExponential().replace(/([+-])(\d)$/, '$10$2');
  }
  const text = Object.is(x, -0) ? '-0' : String(x);
  return text.includes('.') ? text : `${text}.0`;
}
