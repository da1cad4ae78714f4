import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { philox } from '../data/philox.ts';
import { temporaryFolder } from '../temporaryFolder.testing.ts';
import { readWeightFile, writeWeightFile } from '../train/weightFile.ts';
import { tensorPickle, torchZip } from './craft.testing.ts';
import { joinBytes } from './joinBytes.ts';
import { type Dtype, dtypeBytes, type Tensor } from './tensor.ts';
import { layoutWeights, parseWeights, type WrittenFormat } from './weights.ts';

const folder = temporaryFolder();

const formats: readonly WrittenFormat[] = ['safetensors', 'torch-zip', 'paddle'];

const tensorArbitrary = (dtypes: readonly Dtype[]) =>
  fc
    .tuple(fc.constantFrom(...dtypes), fc.array(fc.nat(4), { maxLength: 4 }), fc.nat())
    .map(([dtype, shape, seed]): Tensor => {
      const rng = philox(seed, 0, 0, 'tensor');
      const length = shape.reduce((a, b) => a * b, 1) * dtypeBytes[dtype];
      return { dtype, shape, data: Uint8Array.from({ length }, () => rng.integer(256)) };
    });

/** numpy has no bfloat16, and Paddle's files are numpy's. */
const dtypesOf: Record<WrittenFormat, readonly Dtype[]> = {
  safetensors: ['F32', 'F16', 'BF16', 'F64', 'I64', 'U8', 'BOOL'],
  'torch-zip': ['F32', 'F16', 'BF16', 'F64', 'I64', 'I32', 'U8', 'BOOL'],
  paddle: ['F32', 'F16', 'F64', 'I64', 'I32', 'U8', 'BOOL'],
};

for (const format of formats) {
  test(`what is written as ${format} is read back to the byte, names and order included`, () => {
    const names = fc.string({ minLength: 1, maxLength: 12 }).filter((name) => !name.includes('@@'));
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(names, tensorArbitrary(dtypesOf[format])), {
          selector: ([name]) => name,
          minLength: 1,
          maxLength: 6,
        }),
        (entries) => {
          const tensors = new Map(entries);
          const { tensors: back } = parseWeights(joinBytes(layoutWeights(tensors, format)), 'test');
          assert.deepEqual(new Set(back.keys()), new Set(tensors.keys()));
          for (const [name, { dtype, shape, data }] of tensors) {
            const read = back.get(name)!;
            assert.deepEqual([read.dtype, read.shape], [dtype, shape]);
            assert.deepEqual(Buffer.from(read.data), Buffer.from(data));
          }
        },
      ),
      { seed: 5, numRuns: 60 },
    );
  });
}

test('views with offsets and strides are read as they look', () => {
  const data = new Uint8Array(Float32Array.from({ length: 12 }, (_, i) => i).buffer);
  const read = (size: number[], stride: number[], offset = 0) => {
    const pickle = tensorPickle({ elements: 12, offset, size, stride });
    const file = torchZip(pickle, data);
    const bytes = parseWeights(file, 'test').tensors.get('w')!.data.slice();
    return [...new Float32Array(bytes.buffer)];
  };
  assert.deepEqual(read([2, 3], [3, 1], 4), [4, 5, 6, 7, 8, 9]);
  assert.deepEqual(read([3, 2], [1, 3]), [0, 3, 1, 4, 2, 5], 'transposed');
  assert.deepEqual(read([2, 2], [6, 2], 1), [1, 3, 7, 9]);
});

test('bfloat16 is refused for a .pdparams, which has no such arrays', () => {
  const tensors = new Map([['w', { dtype: 'BF16' as const, shape: [1], data: new Uint8Array(2) }]]);
  assert.throws(() => layoutWeights(tensors, 'paddle'), {
    exitCode: 3,
    message: /cannot be BF16\. Write \.safetensors or \.pth/,
  });
});

test('a file is replaced in one step and read by its contents, not by its name', () => {
  const tensors = new Map<string, Tensor>([
    ['a', { dtype: 'F32', shape: [2], data: new Uint8Array(8).fill(1) }],
  ]);
  const file = join(folder, 'weights.pth');
  writeWeightFile(file, tensors, 'paddle');
  assert.equal(readWeightFile(file).format, 'paddle');
  writeWeightFile(file, tensors);
  assert.equal(readWeightFile(file).format, 'torch-zip');
  assert.throws(() => writeWeightFile(join(folder, 'weights.bin'), tensors), { exitCode: 2 });
});

const python = '/usr/bin/python3';
const runs = (code: string) =>
  spawnSync(python, ['-c', code], { encoding: 'utf8', timeout: 60_000 });
const noTorch = runs('import torch').status === 0 ? false : 'python3-torch is not installed';

test('PyTorch and numpy read what is written here, and what they write is read', {
  skip: noTorch,
}, () => {
  const values = Float32Array.from({ length: 6 }, (_, i) => i / 3);
  const tensors = new Map<string, Tensor>([
    ['w', { dtype: 'F32', shape: [2, 3], data: new Uint8Array(values.buffer) }],
    ['n', { dtype: 'I64', shape: [], data: new Uint8Array(BigInt64Array.of(7n).buffer) }],
  ]);
  const [pth, pdparams] = [join(folder, 'ours.pth'), join(folder, 'ours.pdparams')];
  writeWeightFile(pth, tensors);
  writeWeightFile(pdparams, tensors, undefined, { nameTable: new Map([['w', 'conv2d_0.w_0']]) });
  const { stdout, stderr } = runs(`
import torch, pickle
a = torch.load('${pth}', weights_only=True)
b = pickle.load(open('${pdparams}', 'rb'))
print(type(a).__name__, a['w'].tolist() == b['w'].tolist(), int(a['n']), b['StructuredToParameterName@@'])
torch.save({'state_dict': {'module.' + k: v.half() if k == 'w' else v for k, v in a.items()}}, '${folder}/zip.pth')
torch.save(a, '${folder}/legacy.pth', _use_new_zipfile_serialization=False)
for p in (2, 3, 4): pickle.dump({'w': a['w'].numpy().T}, open('${folder}/p%d.pdparams' % p, 'wb'), protocol=p)
`);
  assert.equal(stdout.trim(), "OrderedDict True 7 {'w': 'conv2d_0.w_0'}", stderr);
  const half = readWeightFile(join(folder, 'zip.pth'));
  assert.deepEqual([half.format, half.tensors.get('module.w')?.dtype], ['torch-zip', 'F16']);
  const legacy = readWeightFile(join(folder, 'legacy.pth'));
  assert.equal(legacy.format, 'torch-legacy');
  assert.deepEqual(Buffer.from(legacy.tensors.get('w')!.data), Buffer.from(values.buffer));
  for (const protocol of [2, 3, 4]) {
    const { data, shape } = readWeightFile(join(folder, `p${protocol}.pdparams`)).tensors.get('w')!;
    assert.deepEqual(shape, [3, 2]);
    const read = new Float32Array(data.slice().buffer);
    assert.deepEqual(
      [...read],
      [0, 3, 1, 4, 2, 5].map((i) => values[i]),
      'column-major',
    );
  }
});
