// Questions before something is changed. Each shows what will happen and the command line that does the same.
import { h, show } from './dom.js';
import { keepFocus, placeOf } from './focus.js';
import { copyButton } from './value.js';

const place = () => document.getElementById('dialogs');

/** Says something to whoever can't see it, and shows it for a while. */
export function announce(text, kind = '') {
  document.getElementById('announce').textContent = text;
  const toast = h('p', { class: `toast ${kind}` }, text);
  document.getElementById('toasts').append(toast);
  setTimeout(() => toast.remove(), 6000);
}

/**
 * A dialog with a form; the browser keeps the keyboard in it and gives the focus back, to what is next where its button is gone then.
 * @param body called with a function that shows the dialog anew; returns its elements.
 * @param submit called when the form is sent; the dialog closes when it returns, and stays with the error where it throws.
 * @returns what `submit` returned, or null where the dialog was closed.
 */
export function dialog(title, { body, action, submit, kind = '', close = 'Cancel' }) {
  return new Promise((resolve) => {
    let result = null;
    const content = h('div', { class: 'dialog-body' });
    const failure = h('p', { class: 'failure', role: 'alert', hidden: true });
    const button = action ? h('button', { class: `primary ${kind}`, type: 'submit' }, action) : null;
    const form = h('form', { method: 'dialog', on: { submit: send } },
      h('h2', { id: 'dialog-title' }, title), content, failure,
      h('div', { class: 'buttons' },
        h('button', { type: 'button', on: { click: () => box.close() } }, close), button));
    const box = h('dialog', { 'aria-labelledby': 'dialog-title', on: { close: end } }, form);
    const draw = () => show(content, body(draw));
    async function send(event) {
      event.preventDefault();
      if (!submit) return box.close();
      button.disabled = true;
      failure.hidden = true;
      try {
        result = (await submit(form)) ?? true;
        box.close();
      } catch (error) {
        failure.textContent = error.message;
        failure.hidden = false;
        // Somebody else was first: what is said above is not so any more.
        if (error.status === 404 || error.status === 409) {
          content.replaceChildren();
          button.hidden = true;
        }
      }
      button.disabled = false;
    }
    function end() {
      box.remove();
      if (result !== null) keepFocus(opener);
      resolve(result);
    }
    draw();
    const opener = placeOf(document.activeElement);
    place().append(box);
    box.showModal();
  });
}

/** The command line that does the same. */
export function equivalent(line) {
  return h('div', { class: 'equivalent' },
    h('p', {}, 'The same by command line'),
    h('div', {}, h('code', { tabindex: '0' }, line), copyButton(line, 'the command line', announce)));
}

/** Asks whether something is to be done. Returns what `submit` returned, or null. */
export function confirm(title, { what, line, action, submit, kind }) {
  return dialog(title, {
    action, kind, submit,
    body: () => [what.map((text) => (text instanceof Node ? text : h('p', {}, text))), line ? equivalent(line) : null],
  });
}
