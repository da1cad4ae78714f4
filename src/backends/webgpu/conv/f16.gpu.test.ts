import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { create } from 'webgpu';
import type { Shader } from '../kernel.ts';
import { awkward, dimsOfCase } from './cases.testing.ts';
import { convForward } from './forward.ts';
import { convGradInput } from './gradInput.ts';
import { convGradWeight } from './gradWeight.ts';
import { convTiles } from './tile.ts';

// SwiftShader has no halves. Dawn's null device computes nothing, but it has every feature, and the
// compiler in front of it checks types and uniformity as that of any other.
const dawn = create(['backend=null']);
const adapter = await dawn.requestAdapter();
const device = await adapter!.requestDevice({ requiredFeatures: ['shader-f16'] });
after(() => {
  device.destroy();
  // Dawn runs for as long as something refers to it.
  void [dawn, adapter];
});
const features = { subgroups: false, f16: true, maxWorkgroupMemory: 16384, maxInvocations: 256 };

async function errorsOf({ label, code }: Shader): Promise<string[]> {
  device.pushErrorScope('validation');
  const module = device.createShaderModule({ label, code });
  const { messages } = await module.getCompilationInfo();
  await device.popErrorScope();
  return messages.map(({ lineNum, message }) => `${label}, line ${lineNum}: ${message}`);
}

test('shaders with half-precision storage are valid WGSL', async () => {
  const end = { bias: true, relu: true, residual: true };
  const shaders = awkward.map(dimsOfCase).flatMap((d) => {
    const tile = (kind: Parameters<typeof convTiles>[0]) => convTiles(kind, d, features)[0]!;
    const weight = convGradWeight(d, { bias: true }, tile('gradWeight'), features, 'f16');
    return [
      convForward(d, end, tile('forward'), features, 'f16'),
      ...convGradInput(d, tile('gradInput'), features, 'f16'),
      weight.partials,
      weight.bias!.partials,
    ];
  });
  for (const shader of shaders) assert.deepEqual(await errorsOf(shader), []);
});

test('shaders that mix halves and floats are not', async () => {
  const d = dimsOfCase(awkward[3]!);
  const [tile] = convTiles('forward', d, features);
  const end = { bias: false, relu: false, residual: false };
  const shader = convForward(d, end, tile!, features, 'f16');
  const mixed = { ...shader, code: shader.code.replace('vec4<f16>(sum)', 'sum') };
  assert.match((await errorsOf(mixed)).join(), /vec4<f32>/);
});
