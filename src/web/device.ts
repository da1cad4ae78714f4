// The GPU of the browser, or in plain words why there is none.
import { type Gpu, openDevice } from '../backends/webgpu/device.ts';
import { environmentError } from '../errors.ts';

const browsers =
  'Use Chrome or Edge 113 or later, Safari 26 or later, or Firefox 141 or later on Windows.';
const onLinux =
  'On Linux start Chrome with --enable-unsafe-webgpu --enable-features=Vulkan, or set chrome://flags/#enable-unsafe-webgpu.';

/** Opens the most powerful adapter. The device is the caller's: close() ends it. */
export async function openWebGpu(): Promise<Gpu> {
  if (!globalThis.isSecureContext) {
    throw environmentError(
      'WebGPU: browsers offer it only to pages from https:// or from this computer (localhost). Open the page at such an address.',
    );
  }
  if (!navigator.gpu)
    throw environmentError(`WebGPU: this browser does not offer it. ${browsers} ${onLinux}`);
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (adapter) return openDevice(adapter);
  throw environmentError(
    `WebGPU: this browser has it but finds no graphics device that it may use. Update the graphics driver, and turn on hardware acceleration in the browser's settings. ${onLinux}`,
  );
}
