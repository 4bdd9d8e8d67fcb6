const LINE = 20;
/** Width of a character of the font below, with some room: which font it is depends on the reader. */
const CHARACTER = 8.6;

/** @typedef {{ readonly style: 'head' | 'name' | 'value', readonly text: string }} Span */

/** @param {Span['style']} style @param {string} text @returns {Span} */
export function span(style, text) {
  return { style, text };
}

/**
 * A terminal as an SVG file.
 *
 * @param {readonly (readonly Span[])[]} lines
 * @param {string} label - what is to be seen, for those who do not see it.
 * @param {number} [columns] - of the terminal; by default those of the longest line.
 */
export function terminalSvg(lines, label, columns) {
  const longest = Math.max(...lines.map((spans) => spans.reduce((sum, { text }) => sum + text.length, 0)));
  const width = Math.ceil((columns ?? longest) * CHARACTER) + 40;
  const height = lines.length * LINE + 40;
  const rows = lines.map((spans, i) => {
    const parts = spans.map(({ style, text }) => `<tspan class="${style[0]}">${escaped(text)}</tspan>`);
    return `<text x="20" y="${34 + i * LINE}">${parts.join('')}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escaped(label)}">
<style>rect{fill:#14181d}text{font:14px ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace;white-space:pre}.h{fill:#7ee0b5;font-weight:600}.n{fill:#8b98a5}.v{fill:#e6edf3}</style>
<rect width="${width}" height="${height}" rx="10"/>
${rows.join('\n')}
</svg>
`;
}

/** @param {string} text */
function escaped(text) {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');
}
