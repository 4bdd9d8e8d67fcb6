import { Command } from 'commander';

export function analyzeCommand(): Command {
  return new Command('analyze').description('Find the critical threshold of a model offline.');
}
