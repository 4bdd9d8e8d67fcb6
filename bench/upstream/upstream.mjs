// In front of another server: `npm run bench:upstream`.
import { parseArgs } from 'node:util';

const USAGE = `usage: npm run bench:upstream [-- OPTION …]
  what taustat costs:
    --model NAME       row of the zoo, or the bundled model (both, with 1 to 11 rows, of 50 µs to 10 ms)
    --batch N          rows of each request, with --model (1)
    --rounds N         A B B A (5)
    --requests N       of each arm in a round (2000), for at most
    --seconds N        (2)
    --connections N    where throughput counts (8)
  whether its control loop decides the same as with the model in process:
    --decisions        of every row of the control suite, or of those that --model names
    --requests N       of each row (4000)
  --json`;

const { values } = parseArgs({
  options: {
    decisions: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '5' },
    requests: { type: 'string' },
    seconds: { type: 'string', default: '2' },
    batch: { type: 'string', default: '1' },
    connections: { type: 'string', default: '8' },
    model: { type: 'string', multiple: true, default: [] },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const isJson = values.json;
if (values.help) console.log(USAGE);
else if (values.decisions) {
  const { compareDecisions } = await import('./decisions.mjs');
  await compareDecisions({ requests: Number(values.requests ?? 4000), names: values.model, isJson });
} else {
  const { LOADS, measureCost } = await import('./cost.mjs');
  const { rounds, requests = 2000, connections, seconds, model: models, batch } = values;
  await measureCost({
    rounds: Number(rounds),
    requests: Number(requests),
    connections: Number(connections),
    seconds: Number(seconds),
    loads: models.length === 0 ? LOADS : models.map((model) => ({ model, batch: Number(batch) })),
    isJson,
  });
}
