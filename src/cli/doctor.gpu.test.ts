import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { openNodeBackend } from '../backends/nodeBackend.ts';
import { packageRoot } from '../packageRoot.ts';

test('doctor says what --device gpu and --device auto take, whether or not a driver is named', async () => {
  const doctor = (env: NodeJS.ProcessEnv) => {
    const args = [join(packageRoot, 'bin/hrpose.js'), 'doctor', '--json'];
    const { findings } = JSON.parse(
      execFileSync(process.execPath, args, { env, encoding: 'utf8' }),
    );
    return findings.find(({ name }: { name: string }) => name === 'GPU');
  };
  const opened = async (device: 'gpu' | 'auto') => {
    const options = { threads: 1, amp: 'fp32', search: 'off' } as const;
    const backend = await openNodeBackend(device, options, () => {});
    backend.close();
    return backend.device ?? 'cpu';
  };
  const taken = { gpu: await opened('gpu'), auto: await opened('auto') };
  const { VK_ICD_FILENAMES: _, ...unnamed } = process.env;
  for (const env of [process.env, unnamed]) {
    const { details, value } = doctor(env);
    assert.deepEqual(details.taken, taken);
    assert.match(
      value,
      taken.auto === 'cpu' ? /--device auto the CPU$/ : /--device auto and gpu take/,
    );
  }
});
