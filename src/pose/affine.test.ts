import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  affineTransform,
  applyAffine,
  inverseAffineTransform,
  inverseUdpTransform,
  invertAffine,
  sizeInPixels,
  udpTransform,
  wholeImageCenterScale,
  widenToAspect,
} from './affine.ts';

// The person 442619 of the COCO sample; expected numbers are from OpenCV and from the definition.
const center = [389.6400146484375, 217.57000732421875];
const scale = [1.6203750371932983, 2.1605000495910645];
const input = { width: 288, height: 384 };
const heatmap = { width: 72, height: 96 };

function assertClose(got: ArrayLike<number>, want: readonly number[], tolerance: number) {
  assert.equal(got.length, want.length);
  for (const [i, value] of want.entries()) {
    assert.ok(Math.abs(got[i]! - value) <= tolerance, `[${i}]: expected ${value}, got ${got[i]}`);
  }
}

// The last bits of these matrices decide about pixels of the warp, so 2 units in the last place.
const bits = 1e-13;

test('the matrix of a person equals the one OpenCV solves, for three rotations', () => {
  const at = (rotation: number) => affineTransform(center, sizeInPixels(scale), rotation, input);
  assertClose(
    at(0),
    [0.8886831417166307, 0, -202.26651235628745, 0, 0.8886831417166308, -1.3507976521970935],
    bits,
  );
  assertClose(
    at(30),
    [
      0.7696221825918205, 0.4443414862669597, -252.55097892039606, -0.4443414862669596,
      0.7696222662775601, 197.686501107076,
    ],
    bits,
  );
  assertClose(
    at(-17.5),
    [
      0.8475521720316501, -0.26723216263216687, -128.09853714457984, 0.2672321626321668,
      0.8475521720316501, -96.52627603911475,
    ],
    bits,
  );
});

test('the inverse matrix takes heatmap cells back to the picture', () => {
  const m = inverseAffineTransform(center, sizeInPixels(scale), 0, heatmap);
  assertClose(
    m,
    [4.501041836208767, 0, 227.60250854492188, 0, 4.501041836208767, 1.5199991861979214],
    bits,
  );
  // The given coordinates have 8 decimals.
  assertClose(applyAffine(m, 0, 0), [227.60250854, 1.51999919], 1e-8);
  assertClose(applyAffine(m, 36, 48), center, 1e-8);
  assertClose(applyAffine(m, 71, 95), [547.17647891, 429.11897363], 1e-8);
  assertClose(applyAffine(m, 30.25, 17.75), [363.75902409, 81.41349178], 1e-8);
});

test('the UDP matrix counts pixel distances and turns the other way', () => {
  // Entries are float32 values, up to 201 in size: half a unit in the last place is 8e-6.
  assertClose(
    udpTransform(center, scale, 0, input),
    [0.8855974078, 0, -201.5641937256, 0, 0.8863688707, -1.3472844362],
    8e-6,
  );
  assertClose(
    udpTransform(center, scale, 30, input),
    [0.7669498324, -0.4427987039, -58.9946403503, 0.4431843654, 0.7676179409, -148.1930389404],
    8e-6,
  );
});

test('the UDP inverse takes the corners of the map to the corners of the box', () => {
  const m = inverseUdpTransform([100, 80], [0.5, 0.75], heatmap);
  assertClose(applyAffine(m, 0, 0), [50, 5], 1e-12);
  assertClose(applyAffine(m, 71, 95), [150, 155], 1e-12);
  const forward = udpTransform([100, 80], [0.5, 0.75], 0, heatmap);
  // forward is rounded to float32.
  assertClose(applyAffine(m, ...applyAffine(forward, 61.5, 97.25)), [61.5, 97.25], 1e-4);
});

test('a whole picture fills the width of the input without padding', () => {
  const whole = wholeImageCenterScale(359, 423);
  assert.deepEqual(whole.center, [179.5, 211.5]);
  // The float32 scale is 359 px within 1e-7 of its size.
  assertClose(
    affineTransform(whole.center, sizeInPixels(whole.scale), 0, input),
    [0.8022284122562674, 0, 0, 0, 0.8022284122562674, 22.328690807799443],
    1e-6,
  );
});

test('a matrix times its inverse is the identity, and a singular one has the zero inverse', () => {
  const m = affineTransform([321, 99], [150, 200], 77, input);
  assertClose(applyAffine(invertAffine(m), ...applyAffine(m, 12.5, -3)), [12.5, -3], 1e-9);
  assert.ok(invertAffine(new Float64Array(6)).every((v) => Math.abs(v) === 0));
});

test('a box is widened on one side only to have the aspect', () => {
  assert.deepEqual(widenToAspect(300, 100, 0.75), [300, 400]);
  assert.deepEqual(widenToAspect(30, 100, 0.75), [75, 100]);
  assert.deepEqual(widenToAspect(75, 100, 0.75), [75, 100]);
});
