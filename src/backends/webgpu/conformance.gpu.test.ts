import { after, test } from 'node:test';
import { checkCase, conformanceCases } from '../conformance.ts';
import { createGpuBackend } from './index.ts';
import { openNodeGpu } from './nodeDevice.ts';

const backend = createGpuBackend(await openNodeGpu());
after(() => backend.close());

for (const one of conformanceCases) {
  test(`webgpu and reference agree: ${one.name}`, () => checkCase(backend, one));
}
