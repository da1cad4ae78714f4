import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HrposeError } from '../errors.ts';
import { conv2d } from '../ops/conv2d.ts';
import { relu } from '../ops/elementwise.ts';
import { createBuilder } from './builder.ts';

test('a shape that does not fit is said with the op, the shapes and the layer', () => {
  const g = createBuilder();
  const x = g.feed('x', 'float32', [8, 32, 64, 48]);
  const w = g.state('w', 'parameter', [128, 64, 3, 3]);
  const build = () =>
    g.scope('stage2.0', () => g.add(conv2d, [x, w], { stride: 1, padding: 1 }, 'fuse'));
  assert.throws(build, (error) => {
    assert.ok(error instanceof HrposeError);
    assert.match(error.message, /^conv2d: expected x to have 64 channels/);
    assert.match(error.message, /got x \[8, 32, 64, 48\].*\(at 'stage2\.0\.fuse'\)$/);
    return true;
  });
});

test('a state that is asked for twice is one state', () => {
  const g = createBuilder();
  assert.equal(g.state('w', 'parameter', [3]), g.state('w', 'parameter', [3]));
  assert.equal(g.finish().states.length, 1);
});

test('building goes on from a finished graph without changing it', () => {
  const g = createBuilder();
  const x = g.feed('x', 'float32', [3]);
  const before = g.finish();
  const more = createBuilder(before);
  more.output('y', more.add(relu, [more.value(x.id)], {})[0]!);
  assert.equal(more.finish().nodes.length, 1);
  assert.equal(before.nodes.length, 0);
  assert.equal(before.values.length, 1);
});
