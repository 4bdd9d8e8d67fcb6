import type { ConformanceCase, Form } from './case.ts';

export type Outcome = 'passed' | 'failed';
/** Outcome per case number and form, `7 JSON`; what was not run is absent. */
export type Outcomes = ReadonlyMap<string, Outcome>;

const SECTIONS: readonly (readonly [first: number, last: number, title: string])[] = [
  [1, 12, 'Metadata and health'],
  [13, 55, 'Requests'],
  [56, 79, 'Binary data and transport'],
];
const FORMS: readonly Form[] = ['JSON', 'binary', 'HTTP'];

const INTRODUCTION = `# Conformance

What taustat answers, case by case, as a client of the Open Inference Protocol v2 over REST sees it. This page is written by the run that checks it
(\`UPDATE_CONFORMANCE=1 npx vitest run test/conformance\`): every case is put to a real server over a socket, with tensors as JSON, as binary data, or by
HTTP alone.

Source: **S** the specification says so · **T** as Triton does · **D** our decision, stricter or clearer than either; its sentence is the decision.`;

export function outcomeKey(number: number, form: Form): string {
  return `${number} ${form}`;
}

/** The page. */
export function report(cases: readonly ConformanceCase[], outcomes: Outcomes): string {
  const sections = SECTIONS.map(([first, last, title]) => {
    const rows = cases
      .filter(({ number }) => number >= first && number <= last)
      .map(
        (item) =>
          `| ${item.number} | ${item.title} | ${item.source} | ${item.answer} | ${checked(item, outcomes)} |`,
      );
    return [
      `## ${title}`,
      '',
      '| case | what | source | answer | checked |',
      '|---|---|---|---|---|',
      ...rows,
    ].join('\n');
  });
  return `${[INTRODUCTION, summary(cases, outcomes), ...sections].join('\n\n')}\n`;
}

function summary(cases: readonly ConformanceCase[], outcomes: Outcomes): string {
  const checks = cases.flatMap((item) => FORMS.filter((form) => form in item.checks));
  const passed = [...outcomes.values()].filter((outcome) => outcome === 'passed').length;
  return `${cases.length} cases in ${checks.length} forms: ${passed} passed, ${checks.length - passed} failed.`;
}

function checked({ number, checks }: ConformanceCase, outcomes: Outcomes): string {
  return FORMS.filter((form) => form in checks)
    .map((form) => `${form} ${outcomes.get(outcomeKey(number, form)) === 'passed' ? '✓' : '✗'}`)
    .join(' · ');
}
