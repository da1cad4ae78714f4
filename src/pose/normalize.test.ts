import assert from 'node:assert/strict';
import { test } from 'node:test';
import { normalizeImages } from './normalize.ts';

const mean = [0.485, 0.456, 0.406];
const std = [0.229, 0.224, 0.225];

test('bytes become the published values, channel by channel', () => {
  const out = new Float32Array(3);
  normalizeImages(Uint8Array.of(0, 128, 255), 1, 1, 1, mean, std, out);
  // The expected values have 7 decimals.
  for (const [i, want] of [-2.1179039, 0.2051822, 2.6399999].entries()) {
    assert.ok(Math.abs(out[i]! - want) < 1e-7, `${out[i]}`);
  }
  normalizeImages(Uint8Array.of(0, 0, 0), 1, 1, 1, mean, std, out);
  for (const [i, want] of [-2.118, -2.036, -1.804].entries()) {
    assert.ok(Math.abs(out[i]! - want) < 5e-4, `${out[i]}`);
  }
});

test('pixels of each picture are laid out as planes', () => {
  const images = Uint8Array.from({ length: 2 * 2 * 3 * 3 }, (_, i) => i);
  const out = new Float32Array(images.length);
  normalizeImages(images, 2, 2, 3, [0, 0, 0], [1, 1, 1], out);
  for (let n = 0; n < 2; n++) {
    for (let c = 0; c < 3; c++) {
      for (let p = 0; p < 6; p++) {
        const byte = (n * 6 + p) * 3 + c;
        assert.equal(Math.round(out[(n * 3 + c) * 6 + p]! * 255), byte);
      }
    }
  }
});
