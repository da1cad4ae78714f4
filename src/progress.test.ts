import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatBytes, formatDuration, formatRate } from './format.ts';
import { createProgress } from './progress.ts';

/** A stream that collects, and a clock that is moved by hand. */
function setUp(isTTY: boolean, json = false, total = 100, unit = 'steps', begun = 0, columns = 60) {
  let text = '';
  let time = 0;
  const write = (chunk: string | Uint8Array) => {
    text += String(chunk);
    return true;
  };
  const stream = { write, isTTY, columns } as unknown as NodeJS.WriteStream;
  const now = () => time;
  const progress = createProgress({ label: 'train', total, unit, begun, json, stream, now });
  return {
    progress,
    wait: (ms: number) => {
      time += ms;
    },
    taken: () => {
      const got = text;
      text = '';
      return got;
    },
  };
}

test('a terminal gets one live line with rate and time left', () => {
  const { progress, wait, taken } = setUp(true);
  wait(1000);
  progress.update(10, { loss: '0.5' });
  assert.equal(taken(), '\rtrain: 10/100 steps, 10%, 10.0/s, 9.0s left, loss 0.5\x1b[K');
  wait(10);
  progress.update(11);
  assert.equal(taken(), '', 'too soon to print again');
  progress.end();
  assert.match(taken(), /^\rtrain: 11\/100 steps.*\n$/);
});

test('a line that stays is written over the live line, which is drawn again below it', () => {
  const { progress, wait, taken } = setUp(true);
  wait(1000);
  progress.update(10);
  taken();
  progress.line('Save checkpoint: output');
  assert.ok(taken().startsWith('\r\x1b[KSave checkpoint: output\n\rtrain: 10/100'));
});

test('the live line never grows beyond the terminal', () => {
  const { progress, wait, taken } = setUp(true);
  wait(1000);
  progress.update(10, { note: 'x'.repeat(200) });
  assert.equal(taken().replace('\r', '').replace('\x1b[K', '').length, 59);
});

test('a terminal that does not know its width counts as 80 wide', () => {
  const { progress, wait, taken } = setUp(true, false, 100, 'steps', 0, 0);
  wait(1000);
  progress.update(10);
  assert.ok(taken().endsWith(', 9.0s left\x1b[K'));
});

test('what an earlier run has done is no part of the rate', () => {
  const { progress, wait, taken } = setUp(true, false, 100, 'steps', 80);
  wait(1000);
  progress.update(90);
  assert.match(taken(), /90\/100 steps, 90%, 10\.0\/s, 1\.0s left/);
});

test('elsewhere plain lines come every ten seconds and at the end', () => {
  const { progress, wait, taken } = setUp(false);
  wait(1000);
  progress.update(1);
  assert.equal(taken(), '');
  wait(9000);
  progress.update(10);
  assert.equal(taken(), 'train: 10/100 steps, 10%, 1.00/s, 1m 30s left\n');
  progress.update(100);
  progress.end();
  assert.equal(taken(), 'train: 100/100 steps, 100%, 10.0/s\n');
  progress.end();
  assert.equal(taken(), '', 'a second end says nothing new');
});

test('with --json every print is one JSON object', () => {
  const { progress, wait, taken } = setUp(false, true);
  wait(2000);
  progress.update(4, { loss: 0.25 });
  progress.line('hello');
  progress.event('epoch', { epoch: 3 });
  const lines = taken().trim().split('\n');
  assert.deepEqual(
    lines.map((line) => JSON.parse(line)),
    [
      {
        event: 'progress',
        label: 'train',
        done: 4,
        total: 100,
        unit: 'steps',
        seconds: 2,
        rate: 2,
        left: 48,
        loss: 0.25,
      },
      { event: 'message', text: 'hello' },
      { event: 'epoch', epoch: 3 },
    ],
  );
});

test('the rate follows the present speed, not the mean since the start', () => {
  const { progress, wait, taken } = setUp(false, true, 1000);
  for (let second = 1; second <= 100; second++) {
    wait(1000);
    progress.update(second <= 50 ? second : 50 + (second - 50) * 5);
  }
  const last = JSON.parse(taken().trim().split('\n').at(-1)!);
  assert.equal(last.rate, 5);
});

test('without a known total there is neither share nor time left', () => {
  const { progress, wait, taken } = setUp(false, false, 0, 'bytes');
  wait(10_000);
  progress.update(2048);
  assert.equal(taken(), 'train: 2.05 kB, 205 B/s\n');
});

test('durations, bytes and rates are rounded to what one reads at a glance', () => {
  assert.deepEqual(
    [0, 3.21, 59.4, 59.6, 245, 7620, 90_000, 273_600, Number.POSITIVE_INFINITY].map(formatDuration),
    ['0.0s', '3.2s', '59s', '1m 00s', '4m 05s', '2h 07m', '1d 01h', '3d 04h', '?'],
  );
  assert.deepEqual([0, 512, 999.9, 1536, 28_550_000, 5e12].map(formatBytes), [
    '0 B',
    '512 B',
    '1.00 kB',
    '1.54 kB',
    '28.6 MB',
    '5.00 TB',
  ]);
  assert.deepEqual([0.1234, 4.561, 78.94, 1234].map(formatRate), ['0.123', '4.56', '78.9', '1234']);
});
