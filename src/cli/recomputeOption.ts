// --recompute, the same for training and for measuring it.
import { Option } from 'commander';
import type { RecomputeMode } from '../train/memoryPlan.ts';

export const recomputeOption = (usually: RecomputeMode): Option =>
  new Option(
    '--recompute [mode]',
    'make cheap results again in the backward part: half the memory of activations, a few percent more time (auto: where memory is short)',
  )
    .choices(['auto', 'on', 'off'])
    .preset('on')
    .default(usually);
