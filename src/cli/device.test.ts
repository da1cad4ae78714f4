import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { type DeviceOptions, openBackend } from './device.ts';

const options: DeviceOptions = { threads: 1, amp: 'fp32', search: 'off' };

// Vulkan then has no driver, whatever this machine has.
const before = process.env.VK_ICD_FILENAMES;
process.env.VK_ICD_FILENAMES = '/nowhere.json';
after(() => {
  if (before === undefined) delete process.env.VK_ICD_FILENAMES;
  else process.env.VK_ICD_FILENAMES = before;
});

const skip = process.platform === 'linux' ? false : 'only Vulkan can be told to find nothing';

async function nameOf(device: string | undefined, useGpu?: boolean): Promise<string> {
  const backend = await openBackend({ ...options, ...(device && { device }) }, useGpu);
  backend.close();
  return backend.name;
}

test('without a GPU auto computes on the CPU', { skip }, async () => {
  assert.equal(await nameOf('auto'), 'onednn');
  assert.equal(await nameOf(undefined), 'onednn');
});

test('without a GPU --device gpu says what to do', { skip }, async () => {
  await assert.rejects(nameOf('gpu'), {
    exitCode: 4,
    message: /gpu: (no adapter found|the package 'webgpu').*--device cpu/,
  });
});

test('use_gpu: false of a config means the CPU, and another device is refused', async () => {
  assert.equal(await nameOf(undefined, false), 'onednn');
  await assert.rejects(nameOf('tpu'), { exitCode: 2, message: /expected auto, cpu or gpu/ });
});

test('the half precision of GPUs is float32 on the CPU', async () => {
  const backend = await openBackend({ ...options, device: 'cpu', amp: 'f16' });
  assert.equal(backend.activationBytes, 4);
  assert.ok(!backend.halfRange);
  backend.close();
});

test('8 bits are for the CPU: auto takes it, gpu is refused', async () => {
  const backend = await openBackend({ ...options, int8: true });
  assert.equal(backend.name, 'onednn');
  backend.close();
  await assert.rejects(openBackend({ ...options, int8: true, device: 'gpu' }), {
    exitCode: 2,
    message: /--int8: .*--device cpu/,
  });
});
