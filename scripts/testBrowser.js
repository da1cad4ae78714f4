// npm run test:browser: runs every *.browser.test.ts under src in headless Chromium, whose WebGPU
// computes on the CPU (SwiftShader), so that the tests run and mean the same anywhere.
import { runTests, sleepingThreads } from './runTests.js';
import { ensureReady } from './setup.js';

ensureReady({ need: ['node_modules', 'dnnl', 'swiftshader'] });
runTests({
  picks: (file) => file.endsWith('.browser.test.ts'),
  where: ' in Chromium',
  // SwiftShader takes all cores; two files at once would only wait for each other.
  concurrency: 1,
  // Node computes beside the browser.
  env: sleepingThreads,
});
