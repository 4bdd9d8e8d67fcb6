// Manifests against the API that they are written for, as npm packages carry it: those are made of Kubernetes' own OpenAPI
// document and of the operators' types. Their validators check values, their types that every field exists.
import ts from 'typescript';

/** Where the packages have an API, by the group and version of a manifest; '' is the core. */
const PACKAGES: Readonly<Record<string, string>> = {
  v1: 'kubernetes-models/v1',
  'apps/v1': 'kubernetes-models/apps/v1',
  'autoscaling/v2': 'kubernetes-models/autoscaling/v2',
  'networking.k8s.io/v1': 'kubernetes-models/networking.k8s.io/v1',
  'policy/v1': 'kubernetes-models/policy/v1',
  'monitoring.coreos.com/v1': '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1',
};

export interface Typed {
  readonly apiVersion: string;
  readonly kind: string;
}

/** Something of a kind that is published, and where it stands. */
export interface Checked {
  readonly where: string;
  readonly content: Typed;
}

type Model = new (content: object) => { validate(): void };

/** What is wrong with the values of a manifest; empty: nothing. @throws Error for a kind that nobody publishes here. */
export async function valueProblems({ content }: Checked): Promise<readonly string[]> {
  const models = (await import(packageOf(content))) as Readonly<Record<string, Model>>;
  const Kind = models[content.kind];
  if (Kind === undefined) throw new Error(`${content.apiVersion} has no ${content.kind}`);
  try {
    new Kind(content).validate();
    return [];
  } catch (error) {
    return [(error as Error).message];
  }
}

function packageOf({ apiVersion }: Typed): string {
  const found = PACKAGES[apiVersion];
  if (found === undefined) throw new Error(`no schema is known for ${apiVersion}`);
  return found;
}

/** Fields that do not exist, or have another type, of all of them: the compiler takes seconds to read the types. */
export function fieldProblems(manifests: readonly Checked[]): readonly string[] {
  const imports = manifests.map(
    ({ content }, i) => `import type { I${content.kind} as T${i} } from '${packageOf(content)}';`,
  );
  const constants = manifests.map(
    ({ content }, i) => `export const m${i}: T${i} = ${JSON.stringify(content)};`,
  );
  const text = [...imports, ...constants].join('\n');
  // In the folder of this file, so that its packages are found; it is never written.
  const file = new URL('manifests.generated.ts', import.meta.url).pathname;
  const options: ts.CompilerOptions = {
    noEmit: true,
    strict: true,
    skipLibCheck: true,
    types: [],
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists, readFile } = host;
  host.fileExists = (path) => path === file || fileExists(path);
  host.readFile = (path) => (path === file ? text : readFile(path));
  host.getSourceFile = (path, target, ...rest) =>
    path === file ? ts.createSourceFile(path, text, target) : getSourceFile.call(host, path, target, ...rest);
  const program = ts.createProgram([file], options, host);
  return ts.getPreEmitDiagnostics(program, program.getSourceFile(file)).map(({ start = 0, messageText }) => {
    const line = text.slice(0, start).split('\n').length - 1 - imports.length;
    return `${manifests[line]?.where ?? text}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
  });
}
