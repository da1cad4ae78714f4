// Runs in a page: the conformance cases on the browser's own WebGPU. Used by browser.gpu.test.ts only.
import { openWebGpu } from '../../web/device.ts';
import { checkCase, conformanceCases } from '../conformance.ts';
import { createGpuBackend } from './index.ts';

/** Number of cases that passed; throws with the first that does not. */
export async function runCases(): Promise<number> {
  const backend = createGpuBackend(await openWebGpu());
  try {
    for (const one of conformanceCases) await checkCase(backend, one);
    return conformanceCases.length;
  } finally {
    backend.close();
  }
}
