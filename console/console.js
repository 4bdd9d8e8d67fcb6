// @ts-check
const index = await fetch('v2/repository/index', { method: 'POST' }).then((answer) => answer.json());
const report = document.getElementById('report');
setInterval(async () => {
  const answer = await fetch(`v2/models/${encodeURIComponent(index[0].name)}/pruning`);
  const { curve, ...rest } = await answer.json();
  if (report !== null) report.textContent = JSON.stringify(rest, null, 2);
}, 1000);
