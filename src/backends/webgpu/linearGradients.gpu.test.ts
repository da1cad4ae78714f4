import { test } from 'node:test';
import { checkLinearGradients } from '../linearGradients.testing.ts';
import { createGpuBackend } from './index.ts';
import { openNodeGpu } from './nodeDevice.ts';

test('without ReLUs every gradient tensor of a network agrees with the one in doubles', async () => {
  const backend = createGpuBackend(await openNodeGpu());
  try {
    await checkLinearGradients(backend);
  } finally {
    backend.close();
  }
});
