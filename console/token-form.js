// @ts-check
import { useToken } from './api.js';
import { byId } from './elements.js';

/** The form that asks for a bearer token, whichever part of the page was refused. */
export function createTokenForm() {
  const form = byId('token-form', HTMLFormElement);
  const field = byId('token', HTMLInputElement);
  /** @type {(() => void) | null} */
  let refused = null;

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    useToken(field.value);
    if (refused === null) form.hidden = true;
    else refused();
  });

  return {
    /** @param {() => void} [again] - what was refused, and is tried again with the token */
    ask(again) {
      refused = again ?? refused;
      if (!form.hidden) return;
      form.hidden = false;
      field.focus();
    },
    /** What was refused is done, or of no interest any more. */
    forget() {
      refused = null;
    },
    close() {
      refused = null;
      form.hidden = true;
    },
  };
}
