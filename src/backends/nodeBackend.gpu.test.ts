import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Amp, openNodeBackend } from './nodeBackend.ts';

test('a GPU keeps activations in halves with f16 alone, and says so with bf16', async () => {
  const opened = async (amp: Amp) => {
    const notes: string[] = [];
    const options = { threads: 1, amp, search: 'off' } as const;
    const backend = await openNodeBackend('gpu', options, (text) => notes.push(text));
    backend.close();
    const { activationBytes, halfRange } = backend;
    return { activationBytes, halfRange, told: notes.some((text) => /--amp f16/.test(text)) };
  };
  const floats = { activationBytes: 4, halfRange: false };
  assert.deepEqual(await opened('f16'), { activationBytes: 2, halfRange: true, told: false });
  assert.deepEqual(await opened('fp32'), { ...floats, told: false });
  assert.deepEqual(await opened('bf16'), { ...floats, told: true });
});
