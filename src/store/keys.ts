import { homedir, hostname } from 'node:os';
import { join } from 'node:path';
import { fingerprint, type KeeperSubject } from './resume-point.ts';

/** Where state is kept when no folder is given: as the XDG base directory specification has it. */
export function defaultStateFolder(env: Readonly<Record<string, string | undefined>> = process.env): string {
  return join(env.XDG_STATE_HOME || join(homedir(), '.local', 'state'), 'taustat');
}

/** By what evidence asks for: servers of other files or settings under the same name keep their own. */
export function evidenceKey(subject: KeeperSubject): string {
  const { model, hash, config } = subject;
  return `${versionKey(model, config.model.version)}.${hash.slice(0, 8)}-${fingerprint(subject).slice(0, 8)}`;
}

/** By name, as an operator addresses it: what was switched off stays off when the file or its version changes. */
export function choiceKey({ model, config }: KeeperSubject): string {
  return choiceKeyOf(model, config.model.versions === 'all' ? config.model.version : undefined);
}

/** @param version - where every version has a choice of its own. */
export function choiceKeyOf(model: string, version: string | undefined): string {
  return version === undefined ? encoded(model) : versionKey(model, version);
}

/** Servers elsewhere write logs of their own: appending from two machines is safe on no network file system. */
export function auditKey({ model, config }: KeeperSubject): string {
  return `${versionKey(model, config.model.version)}.${hostname().replace(/[^\w-]/g, '_')}.audit`;
}

function versionKey(model: string, version: string): string {
  return `${encoded(model)}@${version}`;
}

/** A name as it may stand in the name of a file, in ASCII; neither `@` nor `=` is in any of them. */
function encoded(model: string): string {
  // Half a character is no URI component: what it is written as in UTF-8 is.
  return encodeURIComponent(Buffer.from(model).toString());
}
