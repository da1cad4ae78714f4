// WebGPU in a page.
import { environmentError } from '../../errors.ts';
import { type Gpu, openDevice } from './device.ts';

/** Opens the browser's adapter; an environment error where it has none. */
export async function openBrowserGpu(): Promise<Gpu> {
  const { navigator } = globalThis as { readonly navigator?: { readonly gpu?: GPU } };
  const adapter = await navigator?.gpu?.requestAdapter({ powerPreference: 'high-performance' });
  if (adapter) return openDevice(adapter);
  throw environmentError(
    navigator?.gpu
      ? 'gpu: this browser finds no adapter. Look at its list of blocked drivers, or compute on the CPU.'
      : 'gpu: this browser has no WebGPU here. Use a current browser and an address that starts with https:// or http://localhost.',
  );
}
