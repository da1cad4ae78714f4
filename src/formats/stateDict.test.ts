import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pickled } from './pickle/values.ts';
import { findStateDict } from './stateDict.ts';

const tensor: Pickled = {
  kind: 'tensor',
  storage: { kind: 'storage', type: 'FloatStorage', key: '0', count: 1 },
  offset: 0,
  size: [1],
  stride: [1],
};
const dict = (entries: Record<string, Pickled>): Pickled => new Map(Object.entries(entries));
const weights = dict({ w: tensor, v: tensor });
const found = (value: Pickled) => {
  const { path, tensors, others } = findStateDict(value, 'x.pth');
  return [path.join('.'), [...tensors.keys()].join(), ...others];
};

test('a file’s own dict is the state dict where it holds tensors', () => {
  assert.deepEqual(found(weights), ['', 'w,v']);
  assert.deepEqual(found(dict({ w: tensor, epoch: 3 })), ['', 'w']);
});

test('the dict under a usual name is the state dict of a checkpoint', () => {
  assert.deepEqual(found(dict({ epoch: 3, model: 'pose_hrnet', state_dict: weights })), [
    'state_dict',
    'w,v',
  ]);
  assert.deepEqual(found(dict({ model: dict({ state_dict: weights }) })), [
    'model.state_dict',
    'w,v',
  ]);
  assert.deepEqual(found(dict({ generator: weights })), ['generator', 'w,v']);
});

test('a stray tensor beside the state dict does not hide it', () => {
  assert.deepEqual(found(dict({ step: tensor, model: weights })), [
    'model',
    'w,v',
    'the outermost dict',
  ]);
});

test('what else holds tensors is told', () => {
  const checkpoint = dict({
    state_dict: weights,
    best_state_dict: weights,
    ema: dict({ w: tensor }),
    optimizer: dict({ state: new Map([[0, dict({ exp_avg: tensor })]]) }),
  });
  assert.deepEqual(found(checkpoint), ['state_dict', 'w,v', "'ema'"]);
});

test('which of several is meant is not guessed', () => {
  const several = (names: readonly string[]) =>
    dict(Object.fromEntries(names.map((name) => [name, dict({ [name]: tensor })])));
  assert.throws(() => findStateDict(several(['net', 'model']), 'x.pth'), {
    exitCode: 3,
    message:
      "x.pth: expected one state dict, found 2: 'net', 'model'. Save the one that is meant on its own.",
  });
  assert.throws(() => findStateDict(several(['a', 'b', 'c']), 'x.pth'), /found 3: 'a', 'b', 'c'/);
  assert.throws(() => findStateDict(dict({ a: 1 }), 'x.pth'), /expected a state dict/);
  assert.throws(() => findStateDict([weights], 'x.pth'), /expected a state dict/);
});
