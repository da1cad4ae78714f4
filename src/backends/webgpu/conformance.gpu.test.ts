import { after, test } from 'node:test';
import { checkCase, conformanceCases } from '../conformance.ts';
import { createGpuBackend } from './index.ts';
import { openNodeGpu } from './nodeDevice.ts';

const gpu = await openNodeGpu();
const backend = createGpuBackend(gpu);
const onHalves = createGpuBackend(gpu, { activations: 'f16' });
after(() => gpu.close());

for (const one of conformanceCases) {
  test(`webgpu and reference agree: ${one.name}`, () => checkCase(backend, one));
}

/**
 * A half is off by 2^-11 of its value at most. What is read and what is written is rounded once each, and what
 * sums of rounded values add to that is small beside the largest result.
 */
const tolerance = { value: 2 * 2 ** -11, gradient: 2 * 2 ** -11 };

for (const one of conformanceCases) {
  test(`webgpu with activations in halves and reference agree: ${one.name}`, () =>
    checkCase(onHalves, one, { tolerance }));
}
