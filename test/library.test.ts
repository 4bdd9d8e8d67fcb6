// The reference of the library, from the declarations and docstrings of what src/index.ts exports.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { expect, it } from 'vitest';

const PAGE = new URL('../docs/library.md', import.meta.url);
const ENTRY = fileURLToPath(new URL('../src/index.ts', import.meta.url));

/** A declaration with its docstring, as source; of functions without their bodies, and of the keys of something these keys. */
function textOf(declaration: ts.Declaration, checker: ts.TypeChecker): string {
  const { text } = declaration.getSourceFile();
  const start = ts.getJSDocCommentsAndTags(declaration)[0]?.pos ?? declaration.getStart();
  const isFunction = ts.isFunctionDeclaration(declaration) && declaration.body !== undefined;
  if (isFunction) return text.slice(start, declaration.body.pos).trim();
  if (!ts.isTypeAliasDeclaration(declaration) || !ts.isTypeOperatorNode(declaration.type))
    return text.slice(start, declaration.end).trim();
  const flags = ts.TypeFormatFlags.InTypeAlias | ts.TypeFormatFlags.NoTruncation;
  const keys = checker.typeToString(checker.getTypeAtLocation(declaration), undefined, flags);
  return `${text.slice(start, declaration.type.pos)} ${keys};`;
}

interface Exported {
  readonly name: string;
  readonly kind: 'function' | 'class' | 'type';
  readonly text: string;
}

function readExports(): readonly Exported[] {
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.NodeNext,
    allowImportingTsExtensions: true,
    noEmit: true,
    types: [],
    skipLibCheck: true,
  };
  const program = ts.createProgram([ENTRY], options);
  const checker = program.getTypeChecker();
  const module = checker.getSymbolAtLocation(program.getSourceFile(ENTRY)!)!;
  return checker.getExportsOfModule(module).map((symbol) => {
    const isAlias = (symbol.flags & ts.SymbolFlags.Alias) !== 0;
    const { flags, declarations } = isAlias ? checker.getAliasedSymbol(symbol) : symbol;
    const kind =
      flags & ts.SymbolFlags.Function ? 'function' : flags & ts.SymbolFlags.Class ? 'class' : 'type';
    return { name: symbol.name, kind, text: textOf(declarations![0]!, checker) };
  });
}

const exported = readExports();

function reference(): string {
  const section = (title: string, kinds: readonly string[]) =>
    [`## ${title}`, ...exported.filter(({ kind }) => kinds.includes(kind)).map(entry)].join('\n\n');
  return [section('Functions and classes', ['function', 'class']), section('Types', ['type'])].join('\n\n');
}

function entry({ name, text }: Exported): string {
  return `### ${name}\n\n\`\`\`ts\n${text}\n\`\`\``;
}

it('the reference of the library is what it exports', () => {
  const content = `<!-- library -->\n${reference()}\n<!-- /library -->`;
  const page = () => readFileSync(PAGE, 'utf8');
  if (process.env.UPDATE_DOCS === '1')
    writeFileSync(
      PAGE,
      page().replace(/<!-- library -->[\s\S]*<!-- \/library -->/, () => content),
    );
  expect(page()).toContain(content);
});

it('says something of everything', () => {
  for (const { name, text } of exported)
    expect([name, text]).toEqual([name, expect.stringMatching(/^\/\*\*/)]);
});
