import { rm } from 'node:fs/promises';
import { Command } from 'commander';
import { messageOf, ServingError } from '../config/errors.ts';
import { loadConfig } from '../config/sources.ts';
import type { Choice } from '../store/choice.ts';
import { ChoiceFiles } from '../store/files/choice-files.ts';
import { type StateFile, stateFiles } from '../store/files/state-files.ts';
import { choiceKeyOf, defaultStateFolder } from '../store/keys.ts';
import { table } from '../tools/table.ts';

interface StateFlags {
  readonly config?: string;
  readonly stateDir?: string;
  readonly forget?: string;
}

export function stateCommand(): Command {
  return new Command('state')
    .description('Show what servers keep in a state folder, or forget a model.')
    .option('--config <file>', 'file of settings, YAML or JSON; store.folder is read')
    .option('--state-dir <folder>', 'state folder (default: store.folder)')
    .option(
      '--forget <model>',
      'remove everything kept of a model, including the mode that an operator chose',
    )
    .addHelpText(
      'after',
      `
Examples:
  $ taustat state
  $ taustat state --state-dir /var/lib/taustat --forget old-model

Stop the servers of a model first: they would write its state again.`,
    )
    .action((flags: StateFlags) => run(flags));
}

async function run({ config, stateDir, forget }: StateFlags): Promise<void> {
  const flags = stateDir === undefined ? {} : { store: { folder: stateDir } };
  const { folder = defaultStateFolder() } = loadConfig(config, process.env, flags).store;
  const files = await stateFiles(folder).catch((error: unknown) => {
    throw new ServingError('FILE_NOT_FOUND', `state folder '${folder}': ${messageOf(error)}`);
  });
  if (forget === undefined) {
    process.stdout.write(await listing(folder, files));
    return;
  }
  const found = files.filter(({ model }) => model === forget);
  if (found.length === 0)
    throw new ServingError('UNKNOWN_MODEL', `nothing is kept of '${forget}' in '${folder}'`);
  await Promise.all(found.map(({ path }) => rm(path, { force: true })));
  process.stdout.write(`forgot ${found.length} files of '${forget}' in ${folder}\n`);
}

async function listing(folder: string, files: readonly StateFile[]): Promise<string> {
  if (files.length === 0) return `nothing is kept in ${folder}\n`;
  const groups = new Map<string, StateFile[]>();
  for (const file of files) {
    const key = `${file.model}\0${file.version ?? ''}`;
    groups.set(key, [...(groups.get(key) ?? []), file]);
  }
  const rows = await Promise.all(
    [...groups.values()].map(async (group) => {
      const { model, version } = group[0]!;
      const has = group.some(({ kind }) => kind === 'choice');
      const chosen = has ? await choiceOf(folder, choiceKeyOf(model, version)) : '';
      return [
        model,
        version ?? 'any',
        chosen,
        newest(group, 'evidence'),
        newest(group, 'audit'),
        `${(group.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) / 1e6).toFixed(1)} MB`,
      ];
    }),
  );
  rows.sort((a, b) => (a.join() < b.join() ? -1 : 1));
  const head = ['model', 'version', 'mode chosen', 'evidence of', 'log until', 'size'];
  return `${folder}\n\n${table(head, rows)}`;
}

async function choiceOf(folder: string, key: string): Promise<string> {
  try {
    const kept = await new ChoiceFiles(folder, key).load();
    return kept === null ? '' : choiceText(kept.choice);
  } catch (error) {
    return `unreadable: ${messageOf(error)}`;
  }
}

function choiceText({ mode, threshold, at }: Choice): string {
  return `${mode}${threshold === null ? '' : ` at τ ${threshold}`}, ${new Date(at).toISOString()}`;
}

function newest(files: readonly StateFile[], kind: StateFile['kind']): string {
  const times = files.filter((file) => file.kind === kind).map(({ modifiedMs }) => modifiedMs);
  return times.length === 0 ? '' : new Date(Math.max(...times)).toISOString();
}
