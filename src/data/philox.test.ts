import assert from 'node:assert/strict';
import { test } from 'node:test';
import { philox, philoxBlock } from './philox.ts';

function block(counter: readonly number[], key: readonly number[]): number[] {
  const out = new Uint32Array(4);
  philoxBlock(Uint32Array.from(counter), Uint32Array.from(key), out);
  return [...out];
}

test('blocks equal the known answers of Philox4x32-10', () => {
  const ones = 0xffffffff;
  assert.deepEqual(block([0, 0, 0, 0], [0, 0]), [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
  assert.deepEqual(
    block([ones, ones, ones, ones], [ones, ones]),
    [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  );
  assert.deepEqual(
    block([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0]),
    [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  );
});

test('a stream depends on every part of its key, and on nothing else', () => {
  const first = (...key: Parameters<typeof philox>) => philox(...key).uniform();
  const base = first(1, 2, 3, 'augment');
  assert.equal(first(1, 2, 3, 'augment'), base);
  const others = [
    first(2, 2, 3, 'augment'),
    first(1 + 2 ** 32, 2, 3, 'augment'),
    first(1, 3, 3, 'augment'),
    first(1, 2, 4, 'augment'),
    first(1, 2, 3, 'synth'),
    first(1, 2, 3, 0),
  ];
  assert.equal(new Set([base, ...others]).size, 7);
});

test('a stream goes through one block after the other', () => {
  const rng = philox(0, 0, 0, 0);
  const drawn = Array.from({ length: 8 }, () => rng.integer(2 ** 32));
  assert.deepEqual(drawn, [...block([0, 0, 0, 0], [0, 0]), ...block([1, 0, 0, 0], [0, 0])]);
});

test('numbers of many samples have the moments of their distributions', () => {
  const n = 20_000;
  const uniforms = Array.from({ length: n }, (_, i) => philox(5, 0, i, 'test').uniform());
  const normals = Array.from({ length: n }, (_, i) => philox(5, 1, i, 'test').normal());
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b) / n;
  const variance = (values: readonly number[]) =>
    mean(values.map((v) => v * v)) - mean(values) ** 2;
  // Four standard errors each: σ/√n, and for variances √((μ4 − σ⁴)/n).
  assert.ok(Math.abs(mean(uniforms) - 0.5) < 4 * Math.sqrt(1 / 12 / n));
  assert.ok(Math.abs(variance(uniforms) - 1 / 12) < 4 * Math.sqrt(1 / 180 / n));
  assert.ok(Math.abs(mean(normals)) < 4 / Math.sqrt(n));
  assert.ok(Math.abs(variance(normals) - 1) < 4 * Math.sqrt(2 / n));
});
