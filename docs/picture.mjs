// Makes docs/demo.svg from a real run: `npm run build && node docs/picture.mjs [SECONDS [FILE]]`.
import { writeFileSync } from 'node:fs';
import { runDemo } from '../dist/tools/demo/run.js';
import { DemoView } from '../dist/tools/demo/view.js';
import { span, terminalSvg } from './terminal.mjs';

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

const lines = screen.filter((line, i) => line !== '' || i < screen.length - 1);
const spans = lines.map((line, i) => {
  const [, name = '', rest = ''] = /^( {2}\S+(?: \S+)? {2,})?(.*)$/.exec(line) ?? [];
  return [span('name', name), span(i === 0 ? 'head' : 'value', rest)];
});
writeFileSync(
  process.argv[3] ?? new URL('demo.svg', import.meta.url),
  terminalSvg(spans, 'A frame of taustat demo', terminal.columns),
);
