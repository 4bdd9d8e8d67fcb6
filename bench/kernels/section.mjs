// The section "Operators" of docs/performance.md.
import { readFileSync, writeFileSync } from 'node:fs';

const PAGE = new URL('../../docs/performance.md', import.meta.url);
const HEADING = '## Operators\n';

/** @param {string} setting @param {readonly string[]} options @param {readonly string[]} tables */
export function writeSection(setting, options, tables) {
  const page = readFileSync(PAGE, 'utf8');
  const begin = page.indexOf(HEADING);
  if (begin < 0) throw new Error(`docs/performance.md has no line "${HEADING.trim()}"`);
  const next = page.indexOf('\n## ', begin + HEADING.length);
  const rest = next < 0 ? '' : page.slice(next);
  const quoted = options.map((option) => (option.includes(' ') ? `'${option}'` : option));
  const command = ['npm run bench:kernels --', ...quoted].join(' ');
  const section = `${HEADING}
Time of a dense layer of ONNX Runtime divided by the time of the sparse one, by the share of activations that are not zero. Both
are layers inside a graph, where ONNX Runtime keeps its own blocked layout: four layers and their ReLUs in a row, all of it in
one session through onnxruntime-node or the addon. Above 1 the sparse layer is faster. The first number of a cell is the ratio of
the shortest times, the second that of the medians. A process may keep its memory in a worse place than another: the same layer at
batch 1 then gains up to a fifth less.

\`${command}\`: ${setting}.

${tables.join('\n\n')}
`;
  writeFileSync(PAGE, page.slice(0, begin) + section + rest);
}
