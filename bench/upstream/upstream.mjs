// In front of another server: `npm run bench:upstream`.
import { parseArgs } from 'node:util';

const USAGE = `usage: npm run bench:upstream [-- OPTION …]
  what taustat costs:
    --model NAME       row of the zoo (optical-digits-mlp)
    --rounds N         A B B A (5)
    --requests N       of each arm in a round (2000)
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
  const { measureCost } = await import('./cost.mjs');
  const [model = 'optical-digits-mlp'] = values.model;
  const { rounds, requests = 2000, connections } = values;
  await measureCost({
    rounds: Number(rounds),
    requests: Number(requests),
    connections: Number(connections),
    model,
    isJson,
  });
}
