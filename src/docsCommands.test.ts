// Command lines in the documentation and on the help pages: commands, options, scripts and files exist.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Command } from 'commander';
import { commands, helpText } from './cli/main.ts';
import { packageRoot } from './packageRoot.ts';

const table = new Map<string, Command>();
for (const { name, load } of commands) {
  const command = (await load()).command();
  table.set(name, command);
  for (const child of command.commands) table.set(`${name} ${child.name()}`, child);
}

const everywhere = ['--json', '--debug', '--help', '--version', '-h'];

/** What is wrong with `hrpose …`, if anything. */
function faultOf(line: string): string | undefined {
  const [name = '', second = '', ...rest] = line.split(/\s+/).slice(1);
  if (name.startsWith('-') || !/^[a-z]+$/.test(name)) return undefined; // `hrpose --help`, `hrpose <command>`
  const nested = table.get(`${name} ${second}`);
  const command = nested ?? table.get(name);
  if (command === undefined) return `no command '${name}'`;
  if (!nested && command.commands.length > 0 && /^[a-z]+$/.test(second))
    return `no command '${name} ${second}'`;
  const known = command.options.flatMap(({ short, long }) => [short, long]);
  const unknown = [second, ...rest]
    .map((word) => word.replace(/^\[|[\],;]+$|=.*$/g, ''))
    .filter((word) => /^--?[a-zA-Z]/.test(word))
    .find((word) => !known.includes(word) && !everywhere.includes(word));
  return unknown && `'${command.name()}' has no ${unknown}`;
}

/** Lines that a backslash continues are one. */
const unfolded = (text: string) => text.replace(/\\\n\s*/g, '');
const linesOf = (text: string) => unfolded(text).split('\n');

/** Pieces of code in Markdown: lines of blocks, continued ones joined, and what stands in backquotes. */
function codeOf(markdown: string): string[] {
  const joined = unfolded(markdown);
  const blocks = [...joined.matchAll(/^```\w*\n([\s\S]*?)^```/gm)].map(([, code]) => code!);
  const prose = joined.replace(/^```\w*\n[\s\S]*?^```/gm, '');
  const inline = [...prose.matchAll(/`([^`]+)`/g)].map(([, code]) => code!.replace(/\s+/g, ' '));
  return [...blocks.flatMap((block) => block.split('\n')), ...inline];
}

/** The command in a line without prompt, variables before it and comment behind it. */
const commandIn = (line: string) =>
  /^\s*(?:\$ )?(?:[A-Z_]+=\S+ )*(?:npx )?((?:hrpose|npm run|node --import tsx)\s.*)$/
    .exec(line)?.[1]
    ?.replace(/\s+[#|;].*$|\s{2,}.*$/, '');

const pages = [
  'README.md',
  'CHANGELOG.md',
  ...readdirSync(join(packageRoot, 'docs')).map((n) => `docs/${n}`),
]
  .filter((name) => name.endsWith('.md'))
  .map((name) => [name, codeOf(readFileSync(join(packageRoot, name), 'utf8'))] as const);

function helpPage(command: Command): string {
  let text = '';
  command.configureOutput({
    writeOut: (part) => {
      text += part;
    },
  });
  command.outputHelp();
  return text;
}

const helpPages = [helpText(), ...[...table.values()].map(helpPage)];
const help = [['help', helpPages.flatMap(linesOf)] as const];

test('commands that documentation and help name exist, with their options', () => {
  let count = 0;
  for (const [page, lines] of [...pages, ...help])
    for (const line of lines) {
      const command = commandIn(line);
      if (!command?.startsWith('hrpose ')) continue;
      count++;
      assert.equal(faultOf(command), undefined, `${page}: ${line}`);
    }
  assert.ok(count > 110, `${count} commands`);
});

test('npm scripts and files that the documentation runs exist', () => {
  const { scripts } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8'));
  for (const [page, lines] of pages)
    for (const line of lines) {
      const command = commandIn(line);
      const script = /^npm run ([\w:-]+)/.exec(command ?? '')?.[1];
      if (script !== undefined) assert.ok(script in scripts, `${page}: ${line}`);
      const file = /^node --import tsx ([\w./-]+\.ts)/.exec(command ?? '')?.[1];
      if (file !== undefined) assert.ok(existsSync(join(packageRoot, file)), `${page}: ${line}`);
    }
});
