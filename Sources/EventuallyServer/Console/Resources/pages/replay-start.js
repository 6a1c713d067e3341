// Where a replay begins and ends.
import { h } from '../lib/dom.js';
import { choice, field } from '../lib/table.js';

/** The form; calls `begin` with `{ from, to }` in the words of the command line. */
export function startForm(model, begin) {
  const other = h('input', { name: 'other', autocomplete: 'off', placeholder: '2026-11-23T12:00:00Z or 5000' });
  const otherField = field('Sequence number or time', other, 'It begins from the newest savepoint before that');
  const to = h('input', { name: 'to', autocomplete: 'off', placeholder: 'where the live one is' });
  const from = choice('from', [
    ['zero', 'zero: the first event'],
    ...model.savepoints.map(({ name }) => [name, `savepoint ${name}`]),
    // No savepoint has an empty name.
    ['', 'a sequence number or a time'],
  ], 'zero', { change: draw });

  function draw() {
    otherField.hidden = from.value !== '';
    other.required = from.value === '';
  }

  function submit(event) {
    event.preventDefault();
    begin({ from: from.value || other.value, to: to.value || undefined });
  }

  draw();
  return h('form', { class: 'filters', on: { submit } },
    field('Begin from', from), otherField,
    field('End at', to, 'Sequence number or time. Ending earlier skips the comparison'),
    h('button', { type: 'submit', class: 'primary' }, 'Start a replay'));
}
