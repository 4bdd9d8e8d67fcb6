// Makes docs/demo.svg from a real run: `npm run build && node docs/picture.mjs [SECONDS [FILE]]`.
import { writeFileSync } from 'node:fs';
import { runDemo } from '../dist/tools/demo/run.js';
import { DemoView } from '../dist/tools/demo/view.js';

const seconds = Number(process.argv[2] ?? 40);
const ESCAPE = String.fromCharCode(27);
/** @type {string[]} */
let screen = [];
/** A terminal of which only the latest frame is kept. */
const terminal = {
  isTTY: true,
  columns: 130,
  write(/** @type {string} */ text) {
    screen = text.split('\n').map((line) =>
      line
        .replace(ESCAPE, '')
        .replace(/^\[\d+A/, '')
        .replace(ESCAPE, '')
        .replace(/^\[2K/, ''),
    );
  },
};
const view = new DemoView(terminal);
await runDemo({
  seconds,
  port: 0,
  onFrame: (frame) => view.show({ ...frame, url: 'http://127.0.0.1:8080' }),
  signal: new AbortController().signal,
});

const escaped = (/** @type {string} */ text) =>
  text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
const lines = screen.filter((line, i) => line !== '' || i < screen.length - 1);
const LINE = 20;
const height = lines.length * LINE + 40;
const rows = lines.map((line, i) => {
  const [, name, rest = ''] = /^( {2}\S+(?: \S+)? {2,})?(.*)$/.exec(line) ?? [];
  const style = i === 0 ? 'h' : 'v';
  const label = name === undefined ? '' : `<tspan class="n">${escaped(name)}</tspan>`;
  return `<text x="20" y="${34 + i * LINE}">${label}<tspan class="${style}">${escaped(rest)}</tspan></text>`;
});
writeFileSync(
  process.argv[3] ?? new URL('demo.svg', import.meta.url),
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1140 ${height}" width="1140" height="${height}" role="img" aria-label="A frame of taustat demo">
<style>rect{fill:#14181d}text{font:14px ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace;white-space:pre}.h{fill:#7ee0b5;font-weight:600}.n{fill:#8b98a5}.v{fill:#e6edf3}</style>
<rect width="1140" height="${height}" rx="10"/>
${rows.join('\n')}
</svg>
`,
);
