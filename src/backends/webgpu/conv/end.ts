// What becomes of a convolution's sum before it is written.
import { narrowed, type Storage, type Storages, vectors, widened } from '../halves.ts';
import type { Binding } from '../kernel.ts';
import { read, readWrite, rectified } from '../wgsl.ts';

export interface ConvEnd {
  readonly bias: boolean;
  /** Whether a tensor like the result is added. */
  readonly residual: boolean;
  /** Whether a ReLU comes last. */
  readonly relu: boolean;
}

export const plainEnd: ConvEnd = { bias: false, residual: false, relu: false };

/** ' bias residual relu', of those that are there. */
export const endName = ({ bias, relu, residual }: ConvEnd): string =>
  [bias && ' bias', residual && ' residual', relu && ' relu'].filter(Boolean).join('');

/** [bias], [residual] and the result. */
export const endBindings = (
  { bias, residual }: ConvEnd,
  result: string,
  storage: Storage,
  { residual: added }: Storages<'residual'>,
): Binding[] => [
  ...(bias ? [read('bias')] : []),
  ...(residual ? [read('residual', vectors(added))] : []),
  readWrite(result, vectors(storage)),
];

/** WGSL that writes `sum` to vector `at` of the result, and `column` of its pixel. */
export const endText = (
  { bias, relu, residual }: ConvEnd,
  result: string,
  storage: Storage,
  { residual: added }: Storages<'residual'>,
): string =>
  [
    bias && '  sum += bias[column];',
    residual && `  sum += ${widened(added, 'residual[at]')};`,
    relu && `  sum = ${rectified('sum')};`,
    `  ${result}[at] = ${narrowed(storage, 'sum')};`,
  ]
    .filter(Boolean)
    .join('\n');
