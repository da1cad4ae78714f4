import { after, test } from 'node:test';
import { createDnnlBackend } from '../backends/onednn/index.ts';
import { goldenRandom } from './golden.testing.ts';
import { checkGoldenScoring, checkGoldenStep, near } from './goldenChecks.testing.ts';

const backend = createDnnlBackend();
after(() => backend.close());

test('the golden hash gives the numbers of the spec', () => {
  near(goldenRandom(0, 0), 0.8418311979621649, 1e-15, 'r(0, 0)');
  near(goldenRandom(0, 1), -0.7258670362643898, 1e-15, 'r(0, 1)');
});

test('the golden network in eval mode gives the heatmaps and loss of the spec', () =>
  checkGoldenScoring(backend));

test('a golden training step gives the loss, gradients, running statistics and update of the spec', () =>
  checkGoldenStep(backend));
