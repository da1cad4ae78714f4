// npm run demo: prepares what is missing, then runs `hrpose demo` with the arguments given.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ensureReady, root } from './setup.js';

ensureReady({ need: ['node_modules', 'dnnl'] });

const { status } = spawnSync(
  process.execPath,
  [join(root, 'bin/hrpose.js'), 'demo', ...process.argv.slice(2)],
  { cwd: root, stdio: 'inherit' },
);
process.exit(status ?? 1);
