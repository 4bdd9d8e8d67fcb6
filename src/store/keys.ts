import { homedir, hostname } from 'node:os';
import { join } from 'node:path';
import { fingerprint, type PersistedModel } from './resume-point.ts';

/** Default folder of state, by the XDG base directory specification. */
export function defaultStateFolder(env: Readonly<Record<string, string | undefined>> = process.env): string {
  return join(env.XDG_STATE_HOME || join(homedir(), '.local', 'state'), 'taustat');
}

/** Key of a record: model, version, file and settings. Servers with other files or settings keep their own records. */
export function evidenceKey(subject: PersistedModel): string {
  const { model, hash, config } = subject;
  return `${versionKey(model, config.model.version)}.${hash.slice(0, 8)}-${fingerprint(subject).slice(0, 8)}`;
}

/** Key of a choice: the model's name, so that a choice holds on when the file or its version changes. */
export function choiceKey({ model, config }: PersistedModel): string {
  return choiceKeyOf(model, config.model.versions === 'all' ? config.model.version : undefined);
}

/** @param version - where every version has a choice of its own. */
export function choiceKeyOf(model: string, version: string | undefined): string {
  return version === undefined ? encoded(model) : versionKey(model, version);
}

/** Key of an audit log: one per host, since appending from two machines is unsafe on network file systems. */
export function auditKey({ model, config }: PersistedModel): string {
  return `${versionKey(model, config.model.version)}.${hostname().replace(/[^\w-]/g, '_')}.audit`;
}

function versionKey(model: string, version: string): string {
  return `${encoded(model)}@${version}`;
}

/** A model's name for file names: ASCII without `@` and `=`. */
function encoded(model: string): string {
  // A lone surrogate is replaced first: encodeURIComponent throws on it.
  return encodeURIComponent(Buffer.from(model).toString());
}
