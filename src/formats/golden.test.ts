import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Golden, golden } from './golden.testing.ts';
import { nameTableKey, parsePaddle } from './paddleFile.ts';
import { isKind } from './pickle/values.ts';
import { type Tensor, toFloat32 } from './tensor.ts';
import { parseTorch } from './torchFile.ts';
import { parseWeights } from './weights.ts';

const sixths = Array.from({ length: 6 }, (_, i) => Math.fround(i / 3));
const shown = ({ dtype, shape, data }: Tensor) => [
  dtype,
  shape,
  [...toFloat32({ dtype, shape, data })],
];
const read = (name: Golden) => {
  const { tensors, ...rest } = parseWeights(golden(name), name);
  return { ...rest, tensors: Object.fromEntries(Array.from(tensors, ([k, t]) => [k, shown(t)])) };
};

for (const name of ['torchZip', 'torchLegacy'] as const) {
  test(`a checkpoint of PyTorch is read: ${name}`, () => {
    const { format, tensors, notes } = read(name);
    assert.equal(format, name === 'torchZip' ? 'torch-zip' : 'torch-legacy');
    assert.deepEqual(notes, ["tensors of 'state_dict'"]);
    assert.deepEqual(tensors, {
      'module.w': ['F32', [2, 3], sixths],
      'module.half': ['F16', [2], [1.5, -2]],
      'module.bf': ['BF16', [2], [3, -0.5]],
      'module.view': ['F32', [3], [2, 3, 4]],
      'module.turned': ['F32', [3, 2], [0, 3, 1, 4, 2, 5].map((i) => sixths[i])],
      'module.count': ['I64', [], [7]],
      'module.flag': ['BOOL', [2], [1, 0]],
    });
  });

  test(`the rest of a checkpoint is there as plain data: ${name}`, () => {
    const { value, tensor } = parseTorch(golden(name), name);
    assert.ok(value instanceof Map);
    assert.deepEqual([...value.keys()], ['epoch', 'state_dict', 'optimizer', 'perf']);
    assert.deepEqual([value.get('epoch'), value.get('perf')], [3, 0.75]);
    const { state, param_groups: groups } = Object.fromEntries(
      value.get('optimizer') as Map<string, unknown>,
    ) as { state: Map<number, Map<string, never>>; param_groups: Map<string, unknown>[] };
    const moment = state.get(0)!.get('exp_avg');
    assert.ok(isKind(moment, 'tensor'));
    assert.deepEqual(shown(tensor(moment)), ['F32', [8], [0, 1, 2, 3, 4, 5, 6, 7]]);
    assert.deepEqual(
      [...groups[0]!],
      [
        ['lr', 5e-4],
        ['betas', [0.9, 0.999]],
        ['params', [0]],
      ],
    );
  });
}

test('parameters are read like tensors', () => {
  const { tensors, notes } = read('parameters');
  assert.deepEqual(tensors, { p: ['F32', [2], [1, 2]] });
  assert.deepEqual(notes, ["tensors of 'net'"]);
});

for (const name of ['paddle2', 'paddle3', 'paddle4', 'paddle5'] as const) {
  test(`arrays of numpy are read in every order of bytes and elements: ${name}`, () => {
    const { format, tensors, notes } = read(name);
    assert.deepEqual([format, notes], ['paddle', []]);
    assert.deepEqual(tensors, {
      w: ['F32', [2, 3], sixths],
      fortran: ['I64', [2, 3], [0, 1, 2, 3, 4, 5]],
      big: ['F32', [3], [0, 1, 2]],
      half: ['F16', [2], [1.5, -2]],
      scalar: ['I32', [], [7]],
      flag: ['BOOL', [2], [1, 0]],
    });
    assert.ok(!(nameTableKey in tensors));
    const { nameTable } = parsePaddle(golden(name), name);
    assert.deepEqual(
      [...nameTable],
      [
        ['w', 'conv2d_0.w_0'],
        ['fortran', 'x'],
      ],
    );
  });
}

test('an optimizer’s state of Paddle holds pairs of a name and an array', () => {
  const { tensors, notes } = read('pdopt');
  assert.deepEqual(tensors, { 'conv2d_0.w_0_moment1_0': ['F32', [2, 3], Array(6).fill(1)] });
  assert.deepEqual(notes, ["besides: 'LR_Scheduler', 'last_epoch', 'lr'"]);
});

test('an array that Paddle cut into slices is whole again', () => {
  const { tensors } = read('slices');
  assert.deepEqual(tensors, {
    b: ['F32', [2], [0, 1]],
    a: ['F32', [2, 5], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]],
  });
});

test('arrays of numpy 2 are read', () => {
  const text = Buffer.from(golden('paddle2')).toString('latin1');
  const renamed = text.replace('numpy.core.multiarray', 'numpy._core.multiarray');
  assert.equal(parseWeights(Buffer.from(renamed, 'latin1'), 'numpy 2').tensors.size, 6);
});
