import { test } from 'node:test';
import { checkLinearGradients } from '../linearGradients.testing.ts';
import { createDnnlBackend } from './index.ts';

test('without ReLUs every gradient tensor of a network agrees with the one in doubles', async () => {
  const backend = createDnnlBackend();
  await checkLinearGradients(backend);
  backend.close();
});
