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
  readonly json?: boolean;
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
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ taustat state
  $ taustat state --state-dir /var/lib/taustat --forget old-model
  $ taustat state --json | jq '.models[].model'

Stop the servers of a model first: they would write its state again.`,
    )
    .action((flags: StateFlags) => run(flags));
}

async function run({ config, stateDir, forget, json = false }: StateFlags): Promise<void> {
  const flags = stateDir === undefined ? {} : { store: { folder: stateDir } };
  const { folder = defaultStateFolder() } = loadConfig(config, process.env, flags).store;
  const files = await stateFiles(folder).catch((error: unknown) => {
    throw new ServingError('FILE_NOT_FOUND', `state folder '${folder}': ${messageOf(error)}`);
  });
  if (forget === undefined) {
    const models = await keptOf(folder, files);
    process.stdout.write(json ? `${JSON.stringify({ folder, models })}\n` : listing(folder, models));
    return;
  }
  const found = files.filter(({ model }) => model === forget);
  if (found.length === 0)
    throw new ServingError('UNKNOWN_MODEL', `nothing is kept of '${forget}' in '${folder}'`);
  await Promise.all(found.map(({ path }) => rm(path, { force: true })));
  const forgotten = { folder, model: forget, files: found.length };
  process.stdout.write(
    json ? `${JSON.stringify(forgotten)}\n` : `forgot ${found.length} files of '${forget}' in ${folder}\n`,
  );
}

/** What is kept of one version of a model. Times are ISO 8601; null: there is no such file. */
interface KeptModel {
  readonly model: string;
  /** Null: what holds for any version. */
  readonly version: string | null;
  readonly choice:
    | (Pick<Choice, 'mode' | 'threshold'> & { readonly at: string })
    | { readonly unreadable: string }
    | null;
  readonly evidenceOf: string | null;
  readonly logUntil: string | null;
  readonly sizeBytes: number;
}

async function keptOf(folder: string, files: readonly StateFile[]): Promise<readonly KeptModel[]> {
  const groups = new Map<string, StateFile[]>();
  for (const file of files) {
    const key = `${file.model}\0${file.version ?? ''}`;
    groups.set(key, [...(groups.get(key) ?? []), file]);
  }
  const kept = await Promise.all(
    [...groups.values()].map(async (group) => {
      const { model, version } = group[0]!;
      const has = group.some(({ kind }) => kind === 'choice');
      return {
        model,
        version: version ?? null,
        choice: has ? await choiceOf(folder, choiceKeyOf(model, version)) : null,
        evidenceOf: newest(group, 'evidence'),
        logUntil: newest(group, 'audit'),
        sizeBytes: group.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      };
    }),
  );
  const keyOf = ({ model, version }: KeptModel): string => `${model}\0${version ?? 'any'}`;
  return kept.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

function listing(folder: string, models: readonly KeptModel[]): string {
  if (models.length === 0) return `nothing is kept in ${folder}\n`;
  const rows = models.map(({ model, version, choice, evidenceOf, logUntil, sizeBytes }) => [
    model,
    version ?? 'any',
    choiceText(choice),
    evidenceOf ?? '',
    logUntil ?? '',
    `${(sizeBytes / 1e6).toFixed(1)} MB`,
  ]);
  const head = ['model', 'version', 'mode chosen', 'evidence of', 'log until', 'size'];
  return `${folder}\n\n${table(head, rows)}`;
}

async function choiceOf(folder: string, key: string): Promise<KeptModel['choice']> {
  try {
    const kept = await new ChoiceFiles(folder, key).load();
    if (kept === null) return null;
    const { mode, threshold, at } = kept.choice;
    return { mode, threshold, at: new Date(at).toISOString() };
  } catch (error) {
    return { unreadable: messageOf(error) };
  }
}

function choiceText(choice: KeptModel['choice']): string {
  if (choice === null) return '';
  if ('unreadable' in choice) return `unreadable: ${choice.unreadable}`;
  const { mode, threshold, at } = choice;
  return `${mode}${threshold === null ? '' : ` at τ ${threshold}`}, ${at}`;
}

function newest(files: readonly StateFile[], kind: StateFile['kind']): string | null {
  const times = files.filter((file) => file.kind === kind).map(({ modifiedMs }) => modifiedMs);
  return times.length === 0 ? null : new Date(Math.max(...times)).toISOString();
}
