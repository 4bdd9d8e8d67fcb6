import { execFileSync } from 'node:child_process';
import { validateWorkflow } from '@action-validator/core';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { read } from './files.ts';

interface Step {
  readonly run?: string;
  readonly uses?: string;
}

interface Job {
  readonly needs?: string | readonly string[];
  readonly permissions?: Readonly<Record<string, string>>;
  readonly steps: readonly Step[];
}

const text = read('.github/workflows/release.yml');
const { jobs, permissions } = parse(text) as {
  jobs: Readonly<Record<'check' | 'kernels' | 'package' | 'image', Job>>;
  permissions: object;
};
const commandsOf = ({ steps }: Job) => steps.flatMap(({ run }) => run ?? []).join('\n');

describe('the workflow of a release', () => {
  it('is one, by the published schema', () => {
    expect(validateWorkflow(text).errors).toEqual([]);
    expect(validateWorkflow(text.replace('runs-on:', 'run-on:')).errors).not.toEqual([]);
  });

  it('publishes nothing that CI has not passed', () => {
    expect(commandsOf(jobs.check)).toContain('bash .ci/run');
    for (const job of [jobs.package, jobs.image]) expect([job.needs].flat()).toContain('check');
  });

  it('publishes with provenance, and gives the right to it to nobody else', () => {
    expect(commandsOf(jobs.package)).toMatch(/npm publish .*--provenance/);
    expect(text).toMatch(/^ +provenance: mode=max$/m);
    expect(permissions).toEqual({ contents: 'read' });
    expect(jobs.package.permissions).toEqual({ contents: 'write', 'id-token': 'write' });
    expect(jobs.image.permissions).toEqual({ contents: 'read', packages: 'write' });
    for (const job of [jobs.check, jobs.kernels]) expect(job.permissions).toBeUndefined();
  });

  it('names scripts and arguments that there are', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: object };
    const named = [...text.matchAll(/npm run ([\w:]+)/g)].map(([, name]) => name!);
    expect(named.length).toBeGreaterThan(0);
    expect(Object.keys(scripts)).toEqual(expect.arrayContaining(named));
    for (const [, name] of text.matchAll(/^ +([A-Z_]+)=\$\{\{/gm))
      expect(read('deploy/Dockerfile')).toMatch(new RegExp(`^ARG ${name}=`, 'm'));
  });

  it('takes the changes of a version from the changelog', () => {
    const [line] = /awk .*(?= > notes\.md)/.exec(commandsOf(jobs.package))!;
    const notes = (version: string) =>
      execFileSync('bash', ['-c', line], {
        cwd: new URL('../../', import.meta.url),
        env: { ...process.env, version },
      });
    const { version } = JSON.parse(read('package.json')) as { version: string };
    expect(notes(version).toString()).toMatch(/^\n.*\n\n### \w/);
    expect(notes(version).toString()).not.toContain('\n## ');
    expect(notes('99.0.0').toString()).toBe('');
  });

  it('has the version in the changelog, with its day, below what is not released yet', () => {
    const { version } = JSON.parse(read('package.json')) as { version: string };
    const headings = [...read('CHANGELOG.md').matchAll(/^## (.*)$/gm)].map(([, heading]) => heading!);
    expect(headings[0]).toBe('Unreleased');
    expect(headings[1]).toMatch(new RegExp(`^${version.replaceAll('.', '\\.')} — \\d{4}-\\d\\d-\\d\\d$`));
  });
});
