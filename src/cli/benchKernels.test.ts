import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StepProfile } from '../backends/backend.ts';
import type { Measurement } from '../train/measure.ts';
import { kernelJson, kernelLines, kernelReport } from './benchKernels.ts';

const step = (kind: string, milliseconds: number, flops: number, bytes: number): StepProfile => {
  return { label: kind, kind, implementation: kind, milliseconds, flops, bytes };
};
const measured: Measurement = {
  job: 'train',
  imagesPerSecond: 1,
  stepMilliseconds: [10],
  firstStepMilliseconds: 20,
  gigaflops: 1,
  peakRssMb: 1,
  programMb: 1,
  prepareSeconds: 1,
  profile: [step('conv2d', 3, 6e9, 4e6), step('add', 2, 0, 40e6), step('conv2d', 5, 18e9, 12e6)],
};

test('kernels of a class are added up and set beside the peak', () => {
  const peak = { gflops: 6000, gigabytesPerSecond: 40, of: 'multiply-adds on registers' };
  assert.deepEqual(kernelJson(kernelReport(measured, peak, 'fp32')), {
    dtype: 'fp32',
    peak_of: 'multiply-adds on registers',
    peak_gflops: 6000,
    copy_gb_per_second: 40,
    profiled_step: { milliseconds: 10, kernels: 3, gflop: 24, mb: 56 },
    step_to_convolutions: 1.25,
    kernels: [
      {
        ...{ kind: 'conv2d', implementation: 'conv2d', count: 2, milliseconds: 8 },
        ...{ gflops: 3000, of_peak: 0.5, mb: 16, gb_per_second: 2, of_copy: 0.05 },
      },
      {
        ...{ kind: 'add', implementation: 'add', count: 1, milliseconds: 2 },
        ...{ gflops: 0, of_peak: 0, mb: 40, gb_per_second: 20, of_copy: 0.5 },
      },
    ],
  });
});

test('the table has shares of the copy only where one was measured, and no rate of what only moves', () => {
  const table = (peak: { gflops: number; gigabytesPerSecond?: number }) =>
    kernelLines(kernelReport(measured, { ...peak, of: 'a product' }, 'fp32'));
  assert.deepEqual(table({ gflops: 6000 }), [
    'Peak here: 6000 GFLOP/s, by a product',
    'One step with every kernel timed: 10 ms, 1.250 times the sum of its convolutions; 3 kernels, 24.0 GFLOP, 56 MB read and written',
    '',
    '       ms      % count  GFLOP/s  of peak       MB   GB/s  kernel',
    '      8.0   80.0     2     3000     50 %       16   2.00  conv2d',
    '      2.0   20.0     1                         40   20.0  add',
  ]);
  const [first, , , header, , add] = table({ gflops: 6000, gigabytesPerSecond: 40 });
  assert.match(first!, /; 40\.0 GB\/s, by a copy$/);
  assert.match(header!, /GB\/s {2}of copy {2}kernel$/);
  assert.match(add!, /20\.0 {5}50 % {2}add$/);
});
