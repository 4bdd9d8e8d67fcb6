import { describe, expect, it } from 'vitest';
import { read, readYaml, rules } from './files.ts';

const { tests } = readYaml<{
  tests: { promql_expr_test: { expr: string; exp_samples: { labels: string }[] }[] }[];
}>('deploy/prometheus/rules.test.yml');

/** The alerts that the tests of the rules see fire. */
const firing = tests
  .flatMap(({ promql_expr_test }) => promql_expr_test.filter(({ expr }) => expr.includes('ALERTS')))
  .flatMap(({ exp_samples }) => exp_samples.map(({ labels }) => /alertname="(\w+)"/.exec(labels)?.[1]));

const alerts = rules.filter(({ alert }) => alert !== undefined);

describe('alerts', () => {
  it.each(alerts.map((rule) => [rule.alert!, rule] as const))(
    '%s: says what, how bad, and what to do',
    (_, rule) => {
      expect(['critical', 'warning', 'info']).toContain(rule.labels?.severity);
      expect(rule.annotations?.summary).toMatch(/\{\{ \$labels\.instance \}\}/);
      expect(rule.annotations?.description).toMatch(/.{40,}\.$/s);
    },
  );

  it.each(alerts.map((rule) => [rule.alert!, rule] as const))('%s: has its runbook', (alert, rule) => {
    expect(rule.annotations?.runbook_url).toBe(`docs/operations.md#${alert.toLowerCase()}`);
    const [, section] = read('docs/operations.md').split(`\n### ${alert}\n`);
    const text = section?.split(/\n##/)[0] ?? '';
    for (const part of ['It means', 'Look at', 'Do'])
      expect(text).toMatch(new RegExp(`^- \\*\\*${part}\\*\\* .{20,}\\.$`, 'm'));
  });

  it('are all that there are runbooks of, in their order', () => {
    const sections = [...read('docs/operations.md').matchAll(/^### (Taustat\w+)$/gm)].map(([, name]) => name);
    expect(sections).toEqual(alerts.map(({ alert }) => alert));
  });

  it('lead to their runbooks once the place of the documents is set, as the file says', () => {
    const text = read('deploy/prometheus/rules.yml');
    const [, from, to] = /sed -i 's#(.*?)#(.*?)#'/.exec(text)!;
    const linked = text.replaceAll(`          ${from}`, `          ${to}`);
    const urls = [...linked.matchAll(/^ +runbook_url: (.*)$/gm)].map(([, url]) => url!);
    expect(urls).toHaveLength(alerts.length);
    for (const url of urls) expect(new URL(url).pathname).toMatch(/\/docs\/operations\.md$/);
  });

  it.each(alerts.map(({ alert }) => alert!))('%s: fires in the tests of the rules', (alert) => {
    expect(firing).toContain(alert);
  });

  it('are in the README, by their severity, and no others', () => {
    const rows = [...read('deploy/README.md').matchAll(/^\| (Taustat[\w, ]+) \| (\w+) \|/gm)];
    const told = rows.flatMap(([, names, severity]) =>
      names!.split(', ').map((name) => `${name} ${severity}`),
    );
    expect(told.sort()).toEqual(alerts.map(({ alert, labels }) => `${alert} ${labels?.severity}`).sort());
  });

  it('hold the loss to what the server itself says is allowed', () => {
    const limits = alerts.filter(({ expr }) => expr.includes('taustat_loss_ratio'));
    expect(limits).toHaveLength(2);
    for (const { expr } of limits) expect(expr).toContain('taustat_allowed_loss_ratio');
  });

  it('ask for the job that the scrape configuration names', () => {
    const { scrape_configs, rule_files } = readYaml<{
      scrape_configs: { job_name: string }[];
      rule_files: string[];
    }>('deploy/prometheus/prometheus.yml');
    expect(scrape_configs.map(({ job_name }) => job_name)).toEqual(['taustat']);
    expect(rule_files).toEqual(['rules.yml']);
    const jobs = rules.flatMap(({ expr }) => [...expr.matchAll(/job="(\w+)"/g)].map(([, job]) => job));
    expect(new Set(jobs)).toEqual(new Set(['taustat']));
  });
});
