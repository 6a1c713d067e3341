// Generations and savepoints of a read model. Each change is asked for first, with the command line that does the same.
import { get, part, post, remove } from '../lib/api.js';
import { confirm, dialog, equivalent } from '../lib/dialog.js';
import { h, show } from '../lib/dom.js';
import { bytes, count, counted, time } from '../lib/format.js';
import { follow } from '../lib/live.js';
import { watchOverview } from '../lib/overview.js';
import { button, panel } from '../lib/page.js';
import { command } from '../lib/shell.js';
import { badge, field, table } from '../lib/table.js';
import { value } from '../lib/value.js';
import { progress } from './replay-progress.js';

const states = { live: 'good', building: 'warning', kept: '' };

const pathOf = (name, ...parts) => ['read-models', part(name), ...parts].join('/');

/** Asks for a name, and saves. */
function save(name) {
  let text = '';
  return dialog(`Save ${name} as it stands`, {
    action: 'Save',
    body: (draw) => [
      h('p', {}, 'A savepoint is a copy of the live generation, rows and positions. Workers go on meanwhile.'),
      field('Name', h('input', {
        name: 'name', required: true, pattern: '[A-Za-z0-9_\\-][A-Za-z0-9._\\-]{0,63}', autocomplete: 'off', value: text,
        on: {
          input(event) {
            text = event.target.value;
            draw();
          },
        },
      }), 'Letters, digits, dots, dashes and underscores'),
      equivalent(command('savepoint', 'save', name, text || 'NAME')),
    ],
    submit: () => post(pathOf(name, 'savepoints'), { name: text }),
  });
}

function drop(name, number) {
  return confirm(`Drop generation ${number} of ${name}?`, {
    what: ['It is deleted for good.'], line: command('generations', 'drop', name, String(number)),
    action: 'Drop it', kind: 'danger', submit: () => remove(pathOf(name, 'generations', number)),
  });
}

function deleteSavepoint(name, savepoint) {
  return confirm(`Delete the savepoint ${savepoint}?`, {
    what: ['It is deleted for good. A replay can’t begin from it any more.'],
    line: command('savepoint', 'delete', name, savepoint),
    action: 'Delete it', kind: 'danger', submit: () => remove(pathOf(name, 'savepoints', part(savepoint))),
  });
}

/** Switches to a generation after a question; `why` has sentences that say what to look at before. */
export function switchTo(model, generation, why) {
  return confirm(`Switch ${model.name} to generation ${generation}?`, {
    what: [
      ...why,
      `Queries are answered from generation ${generation} at once, and the workers go on with it. `
      + `Generation ${model.generation} is kept: you can switch back.`,
      model.parkedStreams ? `${counted(model.parkedStreams, 'parked stream is', 'parked streams are')} of generation ${model.generation} and `
        + `stay with it: each generation has its own, and after the switch those of generation ${generation} count.` : null,
    ].filter(Boolean),
    line: command('generations', 'switch', model.name, String(generation), '--catch-up'), action: `Switch to ${generation}`,
    async submit(form) {
      const place = h('div', {});
      form.querySelector('.dialog-body').append(place);
      const end = follow(pathOf(model.name, 'switch'), {}, {
        switching(now) {
          show(place, now && now.total > 0 ? progress({ ...now, state: 'applying' }) : null);
        },
      });
      try {
        return await post(pathOf(model.name, 'live'), { generation });
      } finally {
        end();
        place.remove();
      }
    },
  });
}

const behind = 'Where it is behind, it is first brought to where the live one is, which may take a while.';

/** The view. */
export function generations(place, model, { announce, mayChange, show: choose, signIn }) {
  const { name } = model;
  // Buttons are there for everybody: the first click asks for a token.
  const after = (act, said) => async () => {
    if (!mayChange() && !(await signIn())) return;
    if (await act()) {
      announce(said);
      choose('generations');
    }
  };
  const change = ({ number, state }) => (state === 'live' ? null : h('div', { class: 'buttons' },
    state === 'building' ? null : button('Switch to it',
      after(() => switchTo(model, number, [behind]), `generation ${number} is live`), { what: `generation ${number}` }),
    button('Drop', after(() => drop(name, number), `generation ${number} is dropped`),
      { what: `generation ${number}`, kind: 'quiet danger' })));
  const draw = (now) => show(place,
    panel('Generations', table('Generations', [
      { title: 'Generation', cell: ({ number }) => String(number) },
      { title: 'State', cell: ({ state }) => badge(state, states[state]) },
      { title: 'Begun from', wide: true, cell: ({ origin }) => value(origin, { limit: 60 }) },
      { title: 'Begun', cell: ({ created }) => time(created) },
      { title: 'Events', number: true, cell: ({ events }) => count(events) },
      { title: 'Schema', number: true, cell: ({ schemaVersion }) => String(schemaVersion) },
      { title: 'Size', number: true, cell: (row) => bytes(row.bytes) },
      { title: 'Actions', cell: change },
    ], now.generations, { key: ({ number }) => `g${number}` })),
    panel('Savepoints', h('p', {}, button('Save a savepoint', after(() => save(name), 'it is saved'))),
      table('Savepoints', [
        { title: 'Name', cell: (row) => value(row.name, { limit: 64 }) },
        { title: 'Saved', cell: ({ saved }) => time(saved) },
        { title: 'By', cell: ({ automatic }) => (automatic ? 'a worker' : 'hand') },
        { title: 'Events', number: true, cell: ({ events }) => count(events) },
        { title: 'Newest sequence', number: true, cell: ({ sequenceNumber }) => count(sequenceNumber) },
        { title: 'Rows', number: true, cell: ({ rows }) => count(rows) },
        {
          title: 'Actions',
          cell: (row) => button('Delete', after(() => deleteSavepoint(name, row.name), `${row.name} is deleted`),
            { what: row.name, kind: 'quiet danger' }),
        },
      ], now.savepoints, { key: (row) => `s${row.name}`, empty: 'There are none.' })));

  // With the pipeline's frames, every few of them: the live generation goes on, and others may change what there is.
  let [isAsking, isLeft, asked] = [false, false, Date.now()];
  async function refresh(_, since) {
    if (since !== null || isAsking || Date.now() - asked < 3000) return;
    [isAsking, asked] = [true, Date.now()];
    try {
      const now = await get(pathOf(name));
      // Another view has the place by now.
      if (isLeft) return;
      Object.assign(model, now);
      draw(model);
    } catch {
      // The frame around the page tells that the process does not answer; else the next one may.
    }
    isAsking = false;
  }

  draw(model);
  const end = watchOverview(refresh);
  return () => {
    isLeft = true;
    end();
  };
}
