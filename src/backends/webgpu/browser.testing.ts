// Runs in a page: the conformance cases on the browser's own WebGPU. Used by browser.gpu.test.ts only.
import { checkCase, conformanceCases } from '../conformance.ts';
import { openDevice } from './device.ts';
import { createGpuBackend } from './index.ts';

/** Number of cases that passed; throws with the first that does not. */
export async function runCases(): Promise<number> {
  // Types of browsers are not known here.
  const { gpu } = (globalThis as unknown as { readonly navigator: { readonly gpu: GPU } })
    .navigator;
  const backend = createGpuBackend(await openDevice((await gpu.requestAdapter())!));
  try {
    for (const one of conformanceCases) await checkCase(backend, one);
    return conformanceCases.length;
  } finally {
    backend.close();
  }
}
