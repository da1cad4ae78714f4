// A whole network's gradients against the reference's. Used by tests only.
import assert from 'node:assert/strict';
import { floatGraph, goldenRandom, goldenState, withoutRelu } from '../models/golden.testing.ts';
import { gradientOf, withGradientStates } from '../models/poseGraphs.ts';
import { tinyConfig, tinyParameters } from '../models/tinyTraining.testing.ts';
import { compileTraining } from '../passes/compile.ts';
import type { Backend, StateStore } from './backend.ts';
import { createReferenceBackend } from './reference/index.ts';

const size = { batch: 2, width: 32, height: 64 };

/** Gradients of a tiny HRNet without ReLUs. */
async function gradients(backend: Backend): Promise<StateStore> {
  const forward = floatGraph(tinyConfig, { kind: 'train', momentum: 0.9 }, size);
  const program = backend.prepare(compileTraining(withGradientStates(withoutRelu(forward), false)));
  for (const [name, values] of goldenState(tinyConfig)) program.states.write(name, values);
  const random = (p: number, length: number) =>
    Float32Array.from({ length }, (_, i) => goldenRandom(p, i));
  await program.run({
    x: random(1, 2 * 3 * 64 * 32),
    target: random(2, 2 * 5 * 16 * 8),
    weight: new Float32Array(2 * 5).fill(1),
    lossWeight: Float32Array.of(1),
  });
  return program.states;
}

const norm = (x: Float32Array) => Math.sqrt(x.reduce((sum, v) => sum + v * v, 0));

/**
 * Every gradient tensor of a network without ReLUs agrees with the one in doubles: where no rounding
 * can turn a sign, gradients are as close as the arithmetic is right.
 */
export async function checkLinearGradients(backend: Backend): Promise<void> {
  const expected = await gradients(createReferenceBackend());
  const actual = await gradients(backend);
  const scales: number[] = [];
  for (const name of tinyParameters.keys())
    scales.push(norm(await expected.read(gradientOf(name))));
  const usual = [...scales].sort((a, b) => a - b)[scales.length >> 1]!;
  for (const name of tinyParameters.keys()) {
    const e = await expected.read(gradientOf(name));
    const a = await actual.read(gradientOf(name));
    const error = norm(a.map((v, i) => v - e[i]!));
    // The asked-for agreement is 1e-3 relative L2; float32 gives some 1e-5 (docs/log.md). A bias that a
    // later batch norm takes away has a gradient of zero, and only rounding is left of it.
    assert.ok(error < 1e-4 * norm(e) + 1e-5 * usual, `${name}: off by ${error} of ${norm(e)}`);
  }
  actual.close();
  expected.close();
}
