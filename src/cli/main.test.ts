import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { HrposeError, inputError } from '../errors.ts';
import { packageRoot } from '../packageRoot.ts';
import { commands, helpText, report } from './main.ts';
import { runProgram } from './program.testing.ts';

const hrpose = (...args: string[]) => runProgram(args, { cwd: packageRoot });

const config = 'configs/keypoint/hrnet/hrnet_w32_384x288.yml';

/** What `report` writes to stderr, and the exit code it gives. */
function reported(error: unknown, ...args: string[]) {
  const { write } = process.stderr;
  let text = '';
  process.stderr.write = ((chunk: string) => {
    text += chunk;
    return true;
  }) as typeof write;
  try {
    return { code: report(error, args), text };
  } finally {
    process.stderr.write = write;
  }
}

test('the help page lists every command', async () => {
  const { code, out, err } = await hrpose('--help');
  assert.deepEqual([code, err], [0, '']);
  assert.equal(out, helpText());
  for (const { name } of commands) assert.match(out, new RegExp(`^  ${name} `, 'm'));
  assert.ok(out.split('\n').every((line) => line.length <= 100));
});

test('every command and subcommand has a help page with a usage line and a description', async () => {
  for (const { name, load } of commands) {
    const command = (await load()).command();
    assert.equal(command.name(), name);
    for (const leaf of [command, ...command.commands]) {
      assert.match(leaf.helpInformation(), /^Usage: /, name);
      assert.ok(leaf.description().length > 20, `${name} ${leaf.name()}: ${leaf.description()}`);
    }
  }
});

test('the version is that of the package', async () => {
  const { code, out } = await hrpose('--version');
  assert.equal(code, 0);
  assert.match(out, /^\d+\.\d+\.\d+\n$/);
});

test('usage errors exit with 2 and say what to do', async () => {
  const cases: [string[], RegExp][] = [
    [['trian'], /^error: unknown command 'trian'\. Did you mean 'train'\?/],
    [['--nope', 'config'], /^error: unknown option '--nope' before the command/],
    [['config', '--confg', 'x'], /^error: unknown option '--confg'[\s\S]*Did you mean --config/],
    [['config'], /^error: config: name a config file with '-c FILE'/],
    [['config', '-c', config, '-o', 'epoch'], /^error: -o: expected key=value/],
    [
      ['train', '-c', config, '--eval', 'epoch=3'],
      /^error: train: unexpected 'epoch=3'\. Settings go behind -o\./,
    ],
    [
      ['data', 'synth', '--out', 'x', 'y'],
      /^error: synth: unexpected 'y'\. See 'hrpose help data synth'/,
    ],
  ];
  for (const [args, message] of cases) {
    const { code, out, err } = await hrpose(...args);
    assert.deepEqual([code, out], [2, ''], args.join(' '));
    assert.match(err, message);
  }
});

test('bad input exits with 3 and one line', async () => {
  const { code, err } = await hrpose('config', '-c', 'nowhere.yml');
  assert.equal(code, 3);
  assert.match(err, /^error: cannot read the config file 'nowhere\.yml': no such file\..*\n$/);
});

test('a config of the package is found from elsewhere by what the error says', async () => {
  const elsewhere = { cwd: tmpdir() };
  const { code, err } = await runProgram(['config', '-c', config], elsewhere);
  assert.equal(code, 3);
  const path = /It comes with hrpose: -c (\S+)/.exec(err)?.[1];
  assert.ok(path, err);
  assert.equal((await runProgram(['config', '-c', path], elsewhere)).code, 0);
});

test('config prints YAML with options applied, and warnings apart from it', async () => {
  const { code, out, err } = await hrpose('config', '-c', config, '-o', 'epoch=3', 'lrate=1');
  assert.equal(code, 0);
  assert.match(out, /^epoch: 3\n/);
  assert.match(out, /^trainsize: \[288, 384\]$/m);
  assert.match(err, /^warning: -o lrate=1: unknown setting 'lrate'/);
});

test('an empty value is a usage error that names its option', async () => {
  for (const [args, message] of [
    [['data', 'synth', '--out', ''], /^error: --out: expected a value, got an empty one/],
    [['infer', '-o', 'weights=x', '--image', ''], /^error: --image: expected a value/],
    [['weights', 'inspect', ''], /^error: inspect: expected a value/],
  ] as [string[], RegExp][]) {
    const { code, err } = await hrpose(...args);
    assert.match(err, message);
    assert.equal(code, 2);
  }
});

test('with --json usage errors are JSON as well', async () => {
  for (const [args, message] of [
    [['train', '--json'], /^required option '-c, --config <file>' not specified$/],
    [['data', 'draw', '--json'], /^unknown command 'draw'$/],
    [['weights', '--json'], /^expected a subcommand/],
  ] as [string[], RegExp][]) {
    const { code, err } = await hrpose(...args);
    const told = JSON.parse(err);
    assert.match(told.message, message);
    assert.deepEqual([told.event, told.exitCode, code], ['error', 2, 2]);
  }
});

test("'help' knows subcommands, and their pages name the options of every command", async () => {
  const { code, out } = await hrpose('help', 'data', 'synth');
  assert.equal(code, 0);
  assert.match(out, /^Usage: hrpose data synth [\s\S]*Options for every command: --json, --debug/);
});

test('--json works before and after the command', async () => {
  const before = await hrpose('--json', 'config', '-c', config);
  const after = await hrpose('config', '-c', config, '--json');
  assert.equal(before.out, after.out);
  assert.equal(JSON.parse(after.out).settings.inputSize.width, 288);
});

test('an error of ours is its message alone; --debug adds the stack and the cause', () => {
  const error = inputError('weights: expected x, got y. Do z.', { cause: new Error('deep') });
  assert.deepEqual(reported(error), {
    code: 3,
    text: 'error: weights: expected x, got y. Do z.\n',
  });
  assert.match(reported(error, '--debug').text, /main\.test\.ts[\s\S]*caused by: Error: deep/);
  const json = reported(error, '--json').text;
  assert.deepEqual(JSON.parse(json), { event: 'error', message: error.message, exitCode: 3 });
});

test('what the system refuses is no bug', () => {
  const { code, text } = reported(
    Object.assign(new Error('EROFS: read-only file system, open x'), {
      code: 'EROFS',
      syscall: 'open',
    }),
  );
  assert.equal(code, 4);
  assert.match(text, /^error: the system refused: EROFS.*permissions/);
});

test('any other error is reported as unexpected, with 1', () => {
  const { code, text } = reported(new TypeError('x is not a function'));
  assert.equal(code, 1);
  assert.equal(
    text,
    'error: unexpected error: x is not a function (run with --debug for the stack)\n',
  );
  assert.equal(reported('thrown text').code, 1);
  assert.equal(reported(new HrposeError(130, 'interrupted')).code, 130);
});

test('doctor finds this machine able to run the tests, and says so in JSON', async () => {
  const { code, out } = await hrpose('doctor', '--json');
  const { usable, findings } = JSON.parse(out);
  const names = findings.map((finding: { name: string }) => finding.name);
  assert.deepEqual(names, [
    'Node',
    'CPU',
    'Threads',
    'Memory',
    'Disk',
    'oneDNN',
    'GPU',
    'Pictures',
    'Video',
    'Detectors',
  ]);
  assert.equal(code, usable ? 0 : 4);
  const missing = findings.filter((finding: { state: string }) => finding.state === 'missing');
  assert.equal(usable, missing.length === 0);
  for (const finding of missing) assert.ok(finding.advice, finding.name);
});
