import assert from 'node:assert/strict';
import { test } from 'node:test';
import { conv2d } from '../ops/conv2d.ts';
import { relu } from '../ops/elementwise.ts';
import { normalizeImage } from '../ops/normalizeImage.ts';
import { createBuilder } from './builder.ts';
import { printGraph } from './print.ts';

test('a graph is printed one node a line', () => {
  const g = createBuilder();
  const images = g.feed('images', 'uint8', [1, 8, 6, 3]);
  const x = g.add(normalizeImage, [images], { mean: [0, 0, 0], std: [1, 1, 1] })[0]!;
  const y = g.scope('stem', () => {
    const w = g.state('stem.conv1.weight', 'parameter', [4, 3, 3, 3]);
    return g.add(conv2d, [x, w], { stride: 2, padding: 1 }, 'conv1')[0]!;
  });
  g.updateState('stem.conv1.weight', g.value(2));
  g.output('y', g.add(relu, [y], {})[0]!);
  assert.equal(
    printGraph(g.finish()),
    `feed %0[1, 8, 6, 3] uint8 'images'
state %2[4, 3, 3, 3] 'stem.conv1.weight' parameter <- %2
%1[1, 3, 8, 6] = normalizeImage(%0) {mean=[0,0,0], std=[1,1,1]} 'normalizeImage'
%3[1, 4, 4, 3] = conv2d(%1, %2) {stride=2, padding=1} 'stem.conv1'
%4[1, 4, 4, 3] = relu(%3) 'relu'
output 'y' %4
`,
  );
});
