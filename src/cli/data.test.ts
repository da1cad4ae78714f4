import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Command, CommanderError } from 'commander';
import { HrposeError } from '../errors.ts';
import { command } from './data.ts';

/** Runs `hrpose data …` and gives what it printed. */
async function run(...args: string[]): Promise<string> {
  const printed: string[] = [];
  const root = new Command('hrpose').option('--json').option('--debug').addCommand(command());
  const quiet = (one: Command) => {
    one
      .exitOverride()
      .configureOutput({ writeOut: (t) => printed.push(t), writeErr: (t) => printed.push(t) });
    one.commands.forEach(quiet);
  };
  quiet(root);
  const write = process.stdout.write;
  process.stdout.write = (chunk) => printed.push(String(chunk)) > 0;
  try {
    await root.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (error instanceof HrposeError) printed.push(error.message);
    else if (!(error instanceof CommanderError)) throw error;
  } finally {
    process.stdout.write = write;
  }
  return printed.join('');
}

test('synth draws a data set and says what it did', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hrpose-data-'));
  try {
    const args = [
      'data',
      'synth',
      '--out',
      join(folder, 'demo'),
      '--train',
      '2',
      '--val',
      '1',
      '--size',
      '160x120',
      '--workers',
      '0',
    ];
    assert.match(await run(...args), /3 pictures with \d+ people drawn/);
    assert.match(await run(...args), /complete already/);
    const events = (await run('--json', ...args, '--force'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const { written, pictures } = events.find((e) => e.event === 'synth');
    assert.deepEqual([written, pictures], [true, 3]);
    assert.deepEqual(await readdir(folder), ['demo']);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('values that make no sense are refused with what was expected', async () => {
  for (const [flag, value, expected] of [
    ['--size', '640', /WIDTHxHEIGHT/],
    ['--size', '64x9000', /from 64 to 2048/],
    ['--train', '0', /whole number from 1/],
    ['--seed', '-1', /whole number from 0/],
    ['--workers', '2.5', /whole number/],
  ] as const) {
    assert.match(
      await run('data', 'synth', '--out', '/nowhere', flag, value),
      expected,
      `${flag} ${value}`,
    );
  }
  assert.match(
    await run('data', 'download', '--out', 'x', '--parts', 'train,test'),
    /train, val, annotations/,
  );
  assert.match(
    await run('data', 'check', '-c', 'x.yml', '--split', 'test'),
    /Allowed choices are train, eval, both/,
  );
});

test('help shows every subcommand with examples', async () => {
  assert.match(await run('data', '--help'), /synth[\s\S]*download[\s\S]*check/);
  for (const name of ['synth', 'download', 'check']) {
    assert.match(
      await run('data', name, '--help'),
      new RegExp(`Examples\\n {2}hrpose data ${name}`),
    );
  }
});
