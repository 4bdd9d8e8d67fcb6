import { messageOf } from '../config/errors.ts';
import { step } from '../control/phases/controller.ts';
import type { ControlEvent } from '../control/phases/event.ts';
import type { ControllerState, ControlOptions } from '../control/phases/state.ts';

/** One event, and what it has made of the state. */
export interface Step {
  readonly event: ControlEvent;
  readonly before: ControllerState;
  readonly after: ControllerState;
}

/** The fold of a loop. A controller that throws is told of its failure instead, which ends in dense. Pure. */
export function stepped(before: ControllerState, event: ControlEvent, options: ControlOptions): Step {
  try {
    return { event, before, after: step(before, event, options) };
  } catch (error) {
    const told = failureOf(error, event.at);
    return { event: told, before, after: step(before, told, options) };
  }
}

/** @param at - Unix milliseconds. */
export function failureOf(error: unknown, at: number): ControlEvent {
  return { kind: 'failure', at, message: messageOf(error) };
}
