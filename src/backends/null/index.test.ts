import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBuilder } from '../../graph/builder.ts';
import { conv2d } from '../../ops/conv2d.ts';
import { add, relu } from '../../ops/elementwise.ts';
import { createNullBackend } from './index.ts';

function smallGraph() {
  const g = createBuilder();
  const x = g.feed('x', 'float32', [1, 4, 8, 8]);
  const w = g.state('w', 'parameter', [4, 4, 3, 3]);
  const attrs = { stride: 1, padding: 1 };
  const a = g.add(conv2d, [x, w], attrs, 'a')[0]!;
  const b = g.add(conv2d, [a, w], attrs, 'b')[0]!;
  const c = g.add(relu, [b], {}, 'c')[0]!;
  g.output('y', g.add(add, [c, x], { relu: false }, 'd')[0]!);
  return g.finish();
}

test('the plan says where every value lies', () => {
  const program = createNullBackend().prepare(smallGraph());
  // 1024 bytes a value: x lives to the end, a and c take turns.
  assert.equal(
    program.describe(),
    `arena 3072 bytes (lower bound 3072), states 576 bytes
feed 'x' %0@0
conv2d 'a' %0@0 %1@s -> %2@1024
conv2d 'b' %2@1024 %1@s -> %3@2048
relu 'c' %3@2048 -> %4@1024
add 'd' %4@1024 %0@0 -> %5@2048
`,
  );
  assert.equal(program.bytes, 3072);
});

test('a run checks its feeds and gives zeros', async () => {
  const program = createNullBackend().prepare(smallGraph());
  const { y } = await program.run({ x: new Float32Array(256) });
  assert.deepEqual(y, new Float32Array(256));
  await assert.rejects(program.run({}), /expected feed 'x' of shape \[1, 4, 8, 8\], got nothing/);
  await assert.rejects(program.run({ x: new Float32Array(2) }), /got 2 values/);
  assert.throws(() => program.states.write('w', new Float32Array(3)), /expected \[4, 4, 3, 3\]/);
  await assert.rejects(program.states.read('v'), /no program has such a state/);
});
