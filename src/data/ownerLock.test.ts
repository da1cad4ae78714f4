import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { spawnWorker } from '../spawnWorker.ts';
import { temporaryFolder } from '../temporaryFolder.testing.ts';
import { releaseLock, takeLock, usualSilence } from './ownerLock.ts';

const folder = temporaryFolder();

// Linux gives out no process ids above 2^22.
const ended = 2 ** 22 + 1;

function lockOf(name: string, owner: string, silentFor = 0): string {
  const file = join(folder, name);
  writeFileSync(file, owner);
  const time = (Date.now() - silentFor) / 1000;
  utimesSync(file, time, time);
  return file;
}

test('a lock is held by one at a time, until it is released', () => {
  const file = join(folder, 'one');
  assert.equal(takeLock(file), true);
  assert.equal(takeLock(file), false);
  releaseLock(file);
  assert.equal(existsSync(file), false);
  assert.equal(takeLock(file), true);
  releaseLock(file);
});

test('a lock is taken over from a process of this machine that has ended, and from silent ones', () => {
  const silent = usualSilence + 5000;
  const cases: [taken: boolean, owner: string, silentFor?: number][] = [
    [true, `${ended} ${hostname()} x\n`],
    [false, `${process.pid} ${hostname()} x\n`],
    [true, `${process.pid} ${hostname()} x\n`, silent],
    [false, `${ended} another-machine x\n`],
    [true, `${ended} another-machine x\n`, silent],
    // As it is between being made and being written.
    [false, ''],
    [true, '', silent],
  ];
  for (const [i, [taken, owner, silentFor]] of cases.entries()) {
    const file = lockOf(`case${i}`, owner, silentFor);
    assert.equal(takeLock(file), taken, `${i}: ${owner}`);
    releaseLock(file);
    assert.equal(existsSync(file), !taken);
  }
});

test('the owner of a lock renews it, and leaves that of another who took it over', async () => {
  const file = join(folder, 'renewed');
  assert.equal(takeLock(file, 100), true);
  utimesSync(file, 1, 1);
  while (statSync(file).mtimeMs < 2000) await sleep(5);
  writeFileSync(file, `${process.pid} ${hostname()} another\n`);
  releaseLock(file);
  assert.equal(existsSync(file), true);
});

test('of several that find locks left behind, each lock goes to one', async () => {
  const files = Array.from({ length: 500 }, (_, i) =>
    lockOf(`contested${i}`, `${ended} ${hostname()} x\n`),
  );
  const waiting = new Int32Array(new SharedArrayBuffer(4)).fill(3);
  const url = new URL('./ownerLock.testing.ts', import.meta.url);
  const workers = Array.from({ length: 3 }, () => spawnWorker(url, { files, waiting }));
  const taken = await Promise.all(
    workers.map(async (worker) => (await once(worker, 'message'))[0] as string[]),
  );
  assert.deepEqual(taken.flat().sort(), files.toSorted());
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.endsWith('.gate')),
    [],
  );
});
