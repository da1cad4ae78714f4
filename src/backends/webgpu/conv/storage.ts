// Half-precision storage of activations: half the memory and bandwidth; sums and weights stay f32.
import type { Binding, GpuFeatures } from '../kernel.ts';
import type { Storage } from './dims.ts';

export const vectors = (storage: Storage): Binding['type'] => `vec4<${storage}>`;

/** The storage, or an error where the device has no such type. */
export function expectStorage(storage: Storage, features: GpuFeatures): Storage {
  if (storage === 'f16' && !features.f16)
    throw new Error('conv: f16 storage needs a device with shader-f16');
  return storage;
}
