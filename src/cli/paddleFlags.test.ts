import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Command } from 'commander';
import { addConfigOptions, addPaddleFlags, type PaddleTool, parseBoolean } from './paddleFlags.ts';

/** Parses a command line with a command built as the real ones are; gives its options and the notes. */
async function parse(line: string, tool: PaddleTool = 'train') {
  const command = addConfigOptions(new Command('tool'))
    .option('--eval')
    .option('-r, --resume <path>')
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
    .action(() => {});
  addPaddleFlags(command, tool);
  const notes: string[] = [];
  const { write } = process.stderr;
  process.stderr.write = ((text: string) => notes.push(text) > 0) as typeof write;
  try {
    await command.parseAsync(line.split(' '), { from: 'user' });
  } finally {
    process.stderr.write = write;
  }
  return { options: command.opts(), notes, help: command.helpInformation() };
}

test('the training command line of PaddleDetection is understood', async () => {
  const { options, notes } = await parse('-c x.yml --eval -o a.b=c d=e -r output/9 -o f=[1,2]');
  assert.equal(options.config, 'x.yml');
  assert.equal(options.eval, true);
  assert.equal(options.resume, 'output/9');
  assert.deepEqual(options.opt, ['a.b=c', 'd=e', 'f=[1,2]']);
  assert.deepEqual(notes, []);
});

test('without -o there are no overrides, and -c is required', async () => {
  assert.deepEqual((await parse('-c x.yml')).options.opt, []);
  await assert.rejects(parse('--eval'), { code: 'commander.missingMandatoryOptionValue' });
});

test('a flag without counterpart is answered with what to use instead', async () => {
  const cases: [string, RegExp, PaddleTool][] = [
    ['--slim_config s.yml', /^--slim_config: pruning and quantisation are not supported/, 'eval'],
    ['--json_eval', /^--json_eval: .*hrpose cocoeval/, 'eval'],
    ['--slice_infer --slice_size 640 640', /^--slice_infer: /, 'infer'],
    ['--for_fd', /^--for_fd: /, 'export'],
  ];
  for (const [flag, message, tool] of cases)
    await assert.rejects(parse(`-c x.yml ${flag}`, tool), { exitCode: 2, message });
});

test('a flag that changes nothing is accepted, with a note where one might expect more', async () => {
  const quiet = await parse('-c x.yml --enable_ce True --to_static --vdl_log_dir logs');
  assert.deepEqual(quiet.notes, []);
  const loud = await parse('-c x.yml --use_vdl True --classwise --output_eval out', 'eval').catch(
    (error) => error.code,
  );
  assert.equal(loud, 'commander.unknownOption', 'eval.py has no --use_vdl');
  const noted = await parse('-c x.yml --use_vdl True --use_wandb yes --fleet');
  assert.equal(noted.notes.length, 3);
  assert.ok(
    noted.notes.some((note) => note.startsWith('note: --use_vdl: there is no VisualDL log')),
  );
});

test('another name of an option of ours gives its value, unless ours is given too', async () => {
  const read = async (line: string) => {
    const command = new Command('tool')
      .option('--image <paths...>')
      .option('--draw-threshold <score>', '', Number, 0.5)
      .option('--no-draw')
      .action(() => {});
    await addPaddleFlags(command, 'infer').parseAsync(line.split(' '), { from: 'user' });
    return command.opts();
  };
  const both = await read('--infer_dir photos --infer_img a.jpg --draw_threshold 0.3');
  assert.deepEqual([both.image, both.drawThreshold], [['a.jpg'], 0.3], 'infer_img wins');
  const ours = await read('--image b.jpg c.jpg --infer_dir photos --visualize False');
  assert.deepEqual([ours.image, ours.draw], [['b.jpg', 'c.jpg'], false]);
  await assert.rejects(read('--draw_threshold 3'), { exitCode: 2, message: /from 0 to 1/ });
});

test('a boolean flag means what it says', async () => {
  assert.deepEqual((await parse('-c x.yml --use_vdl False')).notes, []);
  await assert.rejects(parse('-c x.yml --use_vdl perhaps'), {
    exitCode: 2,
    message: "--use_vdl: expected true or false, got 'perhaps'.",
  });
  assert.deepEqual(['True', 'yes', '1', 'false', 'NO', 'off', '0'].map(parseBoolean), [
    true,
    true,
    true,
    false,
    false,
    false,
    false,
  ]);
});

test('flags of the other tools stay off the help page, and a command keeps its own', async () => {
  const { help } = await parse('-c x.yml');
  assert.doesNotMatch(help, /fleet|wandb/);
  const own = new Command('x').option('--amp', 'own meaning');
  addPaddleFlags(own, 'train');
  assert.equal(own.options.filter((option) => option.long === '--amp').length, 1);
});
