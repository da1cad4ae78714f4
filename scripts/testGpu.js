// npm run test:gpu: runs every *.gpu.test.ts under src on a GPU. Without HRPOSE_TEST_GPU=hardware that is
// SwiftShader, which computes on the CPU, so that the tests run and mean the same anywhere.
import { runTests } from './runTests.js';
import { ensureReady, swiftshaderFile } from './setup.js';

const hardware = process.env.HRPOSE_TEST_GPU === 'hardware';
ensureReady({ need: ['node_modules', 'dnnl', ...(hardware ? [] : ['swiftshader'])] });
runTests({
  picks: (file) => file.endsWith('.gpu.test.ts'),
  where: hardware ? ' on the GPU' : ' on SwiftShader',
  // SwiftShader takes all cores; two files at once would only wait for each other.
  concurrency: 1,
  env: hardware ? {} : { VK_ICD_FILENAMES: swiftshaderFile },
});
