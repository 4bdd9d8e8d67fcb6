/** JSON as a tree that may be broken on purpose: leaves are text, so that any spelling of a number can be written. */

export interface Leaf {
  readonly kind: 'leaf';
  text: string;
}
export interface List {
  readonly kind: 'list';
  readonly items: Tree[];
}
export interface Members {
  readonly kind: 'members';
  readonly members: { key: string; value: Tree }[];
}
export type Tree = Leaf | List | Members;

export const leaf = (text: string): Leaf => ({ kind: 'leaf', text });
export const text = (word: string): Leaf => leaf(JSON.stringify(word));
export const list = (items: readonly Tree[]): List => ({ kind: 'list', items: [...items] });
export const members = (entries: readonly (readonly [string, Tree])[]): Members => ({
  kind: 'members',
  members: entries.map(([key, value]) => ({ key, value })),
});

export function write(tree: Tree): string {
  switch (tree.kind) {
    case 'leaf':
      return tree.text;
    case 'list':
      return `[${tree.items.map(write).join(',')}]`;
    default:
      return `{${tree.members.map(({ key, value }) => `${JSON.stringify(key)}:${write(value)}`).join(',')}}`;
  }
}

/** Every node of a tree, the root first. */
export function nodes(tree: Tree): Tree[] {
  if (tree.kind === 'leaf') return [tree];
  const below = tree.kind === 'list' ? tree.items : tree.members.map(({ value }) => value);
  return [tree, ...below.flatMap(nodes)];
}
