import { Command } from 'commander';

export function demoCommand(): Command {
  return new Command('demo').description('Watch the thermostat at work on the bundled model.');
}
