// hrpose config: what a config file and -o options amount to, and what is wrong with them.
import { Command } from 'commander';
import type { Node } from 'js-yaml';
import { addConfigOptions } from './paddleFlags.ts';

const examples = `
Examples
  hrpose config -c configs/keypoint/hrnet/hrnet_w32_384x288.yml
  hrpose config -c CONFIG -o TrainReader.batch_size=32 LearningRate.schedulers.PiecewiseDecay.milestones=[90,120]
  hrpose config -c CONFIG --json`;

/** YAML with lists of numbers (and of pairs of them) on one line. */
async function toYaml(config: unknown): Promise<string> {
  const { COLLECTION_STYLE, dump, visit } = await import('js-yaml');
  const isFlat = (node: Node): boolean =>
    node.kind === 'scalar' || (node.kind === 'sequence' && node.items.every(isFlat));
  return dump(config, {
    noRefs: true,
    lineWidth: 100,
    transform: (documents) =>
      visit(documents, (node) => {
        if (node.kind === 'sequence' && isFlat(node)) node.style = COLLECTION_STYLE.FLOW;
      }),
  });
}

export function command(): Command {
  return addConfigOptions(new Command('config'))
    .summary('print the settings of a config file')
    .description(
      'Prints the whole config after _BASE_ files are merged and -o options applied, as YAML that is ' +
        'a config file again. Unknown settings are warned about on stderr. With --json also the typed ' +
        'settings that training and scoring work from.',
    )
    .addHelpText('after', examples)
    .action(async (_, cmd: Command) => {
      const { config, opt, json } = cmd.optsWithGlobals<{
        config: string;
        opt: string[];
        json?: boolean;
      }>();
      const { loadSettings } = await import('../train/config/index.ts');
      const { settings, warnings, resolved } = loadSettings(config, opt);
      for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`);
      if (json) {
        process.stdout.write(
          `${JSON.stringify({ settings, config: resolved, warnings }, null, 2)}\n`,
        );
        return;
      }
      process.stdout.write(await toYaml(resolved));
    });
}
