import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { formatEta, formatTrainLine, openMetrics, prefix, Window } from './logLine.ts';

test('the training line has the form of spec 6.6, padding included', () => {
  const line = formatTrainLine({
    epoch: 0,
    step: 5,
    stepsPerEpoch: 2341,
    learningRate: 0.0000029975,
    loss: 0.00091,
    secondsLeft: 1_234_567.9,
    batchCost: 1.42222,
    dataCost: 0.0001,
    imagesPerSecond: 45.00001,
  });
  assert.equal(
    line,
    'Epoch: [0] [   5/2341] learning_rate: 0.000003 loss: 0.000910 eta: 14 days, 6:56:07 batch_cost: 1.4222 data_cost: 0.0001 ips: 45.0000 images/s',
  );
});

test('the prefix has month, day, time and logger', () => {
  assert.equal(
    prefix('ppdet.engine', new Date(2026, 2, 4, 5, 6, 7)),
    '[03/04 05:06:07] ppdet.engine INFO: ',
  );
});

test('time left is printed as Python prints a time span', () => {
  assert.equal(formatEta(0), '0:00:00');
  assert.equal(formatEta(3599.99), '0:59:59');
  assert.equal(formatEta(86400 + 61), '1 day, 0:01:01');
  assert.equal(formatEta(-3), '0:00:00');
});

test('a window keeps the last values; its median is the mean of the middle two where they are even', () => {
  const window = new Window(4, [9, 9, 9, 9, 9]);
  for (const value of [4, 1, 3, 2]) window.add(value);
  assert.deepEqual(window.values, [4, 1, 3, 2]);
  assert.equal(window.median, 2.5);
  assert.equal(window.mean, 2.5);
  window.add(100);
  assert.equal(window.median, 2.5);
  assert.equal(new Window(5, [3, 1, 2]).median, 2);
});

test('metrics of a run that goes on are cut back to the step it goes on from', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hrpose-metrics-'));
  try {
    const file = join(folder, 'metrics.jsonl');
    writeFileSync(file, '{"event":"train","step":1}\n{"event":"train","step":2}\n{"event":"tr');
    openMetrics(folder, 1)({ event: 'train', step: 2 });
    assert.equal(
      readFileSync(file, 'utf8'),
      '{"event":"train","step":1}\n{"event":"train","step":2}\n',
    );
    openMetrics(folder, 0);
    assert.equal(readFileSync(file, 'utf8'), '');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
