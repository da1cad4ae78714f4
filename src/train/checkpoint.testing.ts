// A made-up training state, for tests in this process and in others.
import type { CheckpointState } from './checkpoint.ts';

/** A state whose every element tells its step. */
export function stateAt(step: number, elements = 6): CheckpointState {
  const tensor = (offset: number) => ({
    shape: [elements / 2, 2],
    data: new Float32Array(elements).fill(step + offset),
  });
  return {
    tensors: new Map([
      ['conv1.weight', tensor(0)],
      ['bn1.running_mean', tensor(0.5)],
    ]),
    moments: new Map([
      ['conv1.weight.moment1', tensor(0.25)],
      ['conv1.weight.moment2', tensor(0.75)],
      ['beta1_pow', { shape: [1], data: Float32Array.of(0.9 ** (step + 1)) }],
    ]),
    meta: {
      step,
      epoch: Math.floor(step / 10),
      stepInEpoch: step % 10,
      seed: 3,
      bestAp: 0.25,
      config: { name: 'tiny', milestones: [170, 200], 7: '__proto__', text: 'ä "x"\n' },
    },
  };
}
