/** Every screenshot that `npm run screenshots` makes, by its file in this folder, and what it shows. */
export const SCREENSHOTS = {
  'fleet.png': 'The console, all models',
  'model.png': 'The console, one model, light',
  'model-dark.png': 'The console, one model, dark',
  'activations.png': 'The console, activations by site after a drift',
  'report.png': 'The report of taustat analyze',
  'top.svg': 'All models of a server in a terminal',
  'dashboard.svg': 'Queries of the dashboard, answered by Prometheus',
};
