// Signing in with a token: a page of its own at first, a dialog where the session has ended meanwhile.
import { post } from './lib/api.js';
import { dialog } from './lib/dialog.js';
import { h, show } from './lib/dom.js';
import { field } from './lib/table.js';

const lead = 'The process was started with tokens (--token-file). With a token of the role “read” you may look, with one of the role '
  + '“administer” you may change something too. It is sent once, and not kept in the browser.';

function tokenField() {
  return field('Token', h('input', { type: 'password', name: 'token', autocomplete: 'current-password', required: true, autofocus: true }));
}

const send = async (form) => post('session', { token: form.elements.token.value });

/** Asks for a token. Returns the session, or null. */
export function askToSignIn() {
  return dialog('Sign in', { action: 'Sign in', body: () => [h('p', {}, lead), tokenField()], submit: send });
}

/** The page for whoever has no session; calls `done` with the session. */
export function signInPage(place, application, done) {
  const failure = h('p', { class: 'failure', role: 'alert', hidden: true });
  const button = h('button', { type: 'submit', class: 'primary' }, 'Sign in');
  const form = h('form', { class: 'panel sign-in', on: {
    async submit(event) {
      event.preventDefault();
      button.disabled = true;
      failure.hidden = true;
      try {
        done(await send(form));
      } catch (error) {
        failure.textContent = error.message;
        failure.hidden = false;
        form.elements.token.select();
      }
      button.disabled = false;
    },
  } }, h('h1', {}, `Sign in to ${application}`), h('p', { class: 'hint' }, lead), tokenField(), failure, button);
  show(place, form);
  form.elements.token.focus();
}
