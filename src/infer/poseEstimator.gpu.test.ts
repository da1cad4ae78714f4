import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { type EstimatedPose, PoseEstimator } from '../index.ts';
import { temporaryFolder } from '../temporaryFolder.testing.ts';
import { noisePicture, writeTinyWeights } from './tinyModel.testing.ts';

const weights = writeTinyWeights(join(temporaryFolder(), 'weights.safetensors'));
const inputSize = { width: 64, height: 96 };
const picture = noisePicture(120, 90, 1);

async function estimated(device: 'cpu' | 'gpu'): Promise<EstimatedPose[]> {
  const estimator = await PoseEstimator.load({ weights, inputSize, device, batch: 1 });
  try {
    return await estimator.estimate(picture, { boxes: [[20, 10, 60, 75]] });
  } finally {
    await estimator.close();
  }
}

test('the GPU finds the same people as the CPU', async () => {
  const [[onCpu], [onGpu]] = [await estimated('cpu'), await estimated('gpu')];
  onGpu!.keypoints.forEach(({ x, y, score }, k) => {
    const other = onCpu!.keypoints[k]!;
    // Sums in another order.
    assert.ok(Math.abs(score - other.score) < 1e-5, `${k}: ${score}, on the CPU ${other.score}`);
    // The heatmaps of golden weights are flat, and DARK divides by their curvature.
    const off = Math.hypot(x - other.x, y - other.y);
    assert.ok(off < 0.05, `${k}: ${off} px off`);
  });
});
