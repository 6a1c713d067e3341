// Retrying and discarding parked streams: a dry run first, which shows what would change; then the same for good.
import { part, post } from '../lib/api.js';
import { dialog, equivalent } from '../lib/dialog.js';
import { h } from '../lib/dom.js';
import { count, counted } from '../lib/format.js';
import { command } from '../lib/shell.js';
import { badge, table } from '../lib/table.js';
import { value } from '../lib/value.js';
import { rowChanges } from './row-changes.js';

const outcomes = { applied: ['would be applied', 'good'], fails: ['fails again', 'wrong'], discarded: ['would be discarded', 'warning'] };

function rows(row) {
  const more = row.rowCount - row.rows.length;
  return h('div', {}, rowChanges(row.rows), more > 0 ? h('p', { class: 'hint' }, `and ${count(more)} more`) : null);
}

function results(list) {
  return table('What would happen', [
    { title: 'Stream', wide: true, cell: (row) => value(row.stream, { limit: 50 }) },
    { title: 'Events', number: true, cell: (row) => count(row.events) },
    { title: 'Outcome', cell: (row) => badge(...(outcomes[row.outcome] ?? [row.outcome])) },
    {
      title: 'Rows', wide: true,
      cell: (row) => (row.reason ? value(row.reason, { limit: 120 })
        : row.outcome === 'discarded' ? 'As they are: what these events would have changed is lost.' : rows(row)),
    },
  ], list);
}

/** Does it, a part of the streams at a time; those that fail again are not tried twice. */
async function changeAll(path, body) {
  const done = [];
  for (let after = ''; ;) {
    const { results: some, left } = await post(path, { ...body, after });
    done.push(...some);
    if (left === 0 || some.length === 0) return done;
    after = some.at(-1).stream;
  }
}

/**
 * Shows what a retry or a discard would do, and does it when that is confirmed.
 * @param which `{ names }`, or `{ reason }` for all streams with a reason.
 * @returns what was done, by stream; null where it was called off.
 */
export async function changeParked(what, readModel, which) {
  const path = `parked/${part(readModel)}/${what}`;
  const body = which.names ? { streams: which.names } : { reason: which.reason };
  const { results: expected, left, triedBy, workers } = await post(path, body, { dryRun: 'true' });
  const failing = expected.filter(({ outcome }) => outcome === 'fails').length;
  const again = failing ? `${counted(failing, 'stream')} of ${expected.length} would fail again.` : 'All would be applied.';
  const some = left ? ` of ${counted(expected.length, 'stream')}` : '';
  const verb = what === 'retry' ? 'Retry' : 'Discard';
  // As many as a person reads; whole ones, so that what is copied is right.
  let length = 0;
  const shown = which.names?.filter((name) => (length += name.length) < 400);
  const line = command('parked', what === 'retry' ? 'retry' : 'drop', readModel,
    ...(shown ?? ['--reason', which.reason]));
  const lead = what === 'retry'
    ? `Each stream is applied whole, in its order, or stays parked. ${again}`
    : 'The events are given up for good: the read model goes on without them. Only a replay brings them back.';
  return dialog(`${verb} ${counted(expected.length + left, 'stream')} of ${readModel}?`, {
    action: verb, kind: what === 'discard' ? 'danger' : '',
    body: () => [h('p', {}, lead), h('p', { class: 'hint' }, `A dry run${some} came to this; nothing is changed yet.`),
      what === 'retry' ? h('p', { class: 'hint' }, 'It was tried by the code of ', value(`${triedBy.kind} ${triedBy.name}, version ${triedBy.version}`, { limit: 120 }), '.',
        workers.length ? [' The partition’s worker, which applies what comes later, is ', value(workers.join(', '), { limit: 120 }), '.'] : null) : null,
      results(expected),
      equivalent(shown && shown.length < which.names.length ? `${line} …` : line)],
    submit: () => changeAll(path, body),
  });
}
