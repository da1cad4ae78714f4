import { after, test } from 'node:test';
import { createGpuBackend } from '../backends/webgpu/index.ts';
import { openNodeGpu } from '../backends/webgpu/nodeDevice.ts';
import { checkGoldenScoring, checkGoldenStep } from './goldenChecks.testing.ts';

const backend = createGpuBackend(await openNodeGpu());
after(() => backend.close());

test('the golden network in eval mode gives the heatmaps and loss of the spec on the GPU', () =>
  checkGoldenScoring(backend));

test('a golden training step gives the numbers of the spec on the GPU', () =>
  checkGoldenStep(backend));
