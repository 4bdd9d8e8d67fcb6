import { Command } from 'commander';

export function benchCommand(): Command {
  return new Command('bench').description('Load test: dense, observed and pruned, in alternation.');
}
