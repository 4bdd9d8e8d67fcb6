/** Colours and strokes of plots; the same in reports and in files of their own. Follows the reader's colour scheme. */
export const PLOT_STYLE = `
:root { color-scheme: light dark; --ink: #1c2430; --soft: #5a6675; --faint: #d9dee5; --paper: #ffffff; --card: #f6f8fa;
  --blue: #1f5fd0; --orange: #c8640a; --green: #187a52; --grey: #8a94a3; --red: #c2255c; --band: #c2255c1f; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaf0; --soft: #9aa6b6; --faint: #313a47; --paper: #12161c;
  --card: #1a2029; --blue: #6ea8ff; --orange: #ffab57; --green: #52d39a; --grey: #77818f; --red: #ff7aa8; --band: #ff7aa826; } }
.plot text { font: 12px system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; fill: var(--soft); }
.plot .title { font-size: 14px; font-weight: 600; fill: var(--ink); }
.plot .tick, .plot .label, .plot .message { text-anchor: middle; }
.plot .tick.y { text-anchor: end; }
.plot .message { font-size: 13px; }
.plot .grid { stroke: var(--faint); }
.plot .axis { stroke: var(--soft); }
.plot .level { stroke: var(--soft); stroke-dasharray: 1 3; }
.plot .band { fill: var(--band); }
.plot .critical { stroke: var(--red); stroke-width: 1.5; }
.plot .critical-label { fill: var(--red); font-weight: 600; paint-order: stroke; stroke: var(--card); stroke-width: 3px; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; }
.line.renormalized { stroke: var(--grey); stroke-width: 1.2; }
.line.full { stroke: var(--orange); stroke-dasharray: 5 3; stroke-width: 1.5; }
.line.continuous { stroke: var(--blue); stroke-width: 3; }
.line.accuracy { stroke: var(--green); }
.line.agreement { stroke: var(--grey); stroke-dasharray: 2 3; }
.dot.full { fill: var(--orange); }
.dot.accuracy { fill: var(--green); }
.marker { stroke: var(--red); stroke-width: 1.5; fill: var(--card); }
.marker.first { fill: var(--red); }
.marker.full { stroke: var(--orange); }
`;

/** The page around the plots. */
export const PAGE_STYLE = `${PLOT_STYLE}
* { box-sizing: border-box; }
body { margin: 0; padding: 28px 32px 40px; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main { max-width: 1380px; margin: 0 auto; }
h1 { font-size: 24px; margin: 0; letter-spacing: -0.01em; }
h2 { font-size: 17px; margin: 30px 0 10px; break-after: avoid; }
.lead { margin: 4px 0 18px; color: var(--soft); }
.figures { display: flex; flex-wrap: wrap; gap: 10px; margin: 0; }
.figures div { background: var(--card); border: 1px solid var(--faint); border-radius: 8px; padding: 9px 13px; flex: 1 0 auto; max-width: 240px; }
.figures dt { font-size: 12px; color: var(--soft); }
.figures dd { margin: 0; font-size: 19px; font-weight: 600; font-variant-numeric: tabular-nums; }
.figures small { display: block; font-size: 12px; font-weight: 400; color: var(--soft); }
.figures .main { border-color: var(--red); }
.figures .main dd { color: var(--red); }
.legend { display: flex; flex-wrap: wrap; gap: 6px 20px; margin: 22px 0 8px; padding: 0; list-style: none; font-size: 13px; color: var(--soft); }
.legend li { display: flex; align-items: center; gap: 7px; }
.panels { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 14px; }
.plot { display: block; width: 100%; height: auto; background: var(--card); border: 1px solid var(--faint); border-radius: 8px; }
.tables { display: grid; grid-template-columns: minmax(0, 3fr) minmax(0, 2fr); gap: 0 32px; align-items: start; }
table { border-collapse: collapse; width: 100%; font-size: 13.5px; }
th { text-align: left; font-weight: 600; color: var(--soft); font-size: 12px; }
th, td { padding: 5px 12px 5px 0; border-bottom: 1px solid var(--faint); }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
td.name { overflow-wrap: anywhere; }
footer { margin-top: 30px; color: var(--soft); font-size: 13px; }
@media screen and (max-width: 900px) { .panels, .tables { grid-template-columns: 1fr; } body { padding: 18px; } }
@media print { body { padding: 0; font-size: 11px; } .lead, .legend { margin: 4px 0 8px; } .figures { gap: 6px; } .figures div { padding: 4px 8px; } .figures dd { font-size: 14px; } .figures dt, .figures small { font-size: 10px; } .panels { gap: 8px; } .plot, .figures div, tr { break-inside: avoid; } @page { size: A4 landscape; margin: 10mm; } }
`;
