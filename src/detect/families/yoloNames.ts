// The class names that Ultralytics' exports carry in their metadata, written as Python writes a dict.
import type { OnnxSummary } from '../../onnx/read.ts';

/** "{0: 'person', 1: 'bicycle'}" → names by class; undefined where there are none. */
export function readNames({ metadata }: Pick<OnnxSummary, 'metadata'>): string[] | undefined {
  const text = metadata.get('names');
  if (text === undefined) return undefined;
  const names: string[] = [];
  for (const [, number, single, double] of text.matchAll(/(\d{1,5}): *(?:'([^']*)'|"([^"]*)")/g))
    names[Number(number)] = single ?? double ?? '';
  const complete = names.length > 0 && Object.keys(names).length === names.length;
  return complete ? names : undefined;
}
