// A page of the sample: revenue by country and day, live, from the read model sales.
import { h, show } from '../../lib/dom.js';
import { chart } from '../../lib/chart.js';
import { count } from '../../lib/format.js';
import { follow } from '../../lib/live.js';
import { heading, panel } from '../../lib/page.js';
import { table } from '../../lib/table.js';
import { value } from '../../lib/value.js';

const money = new Intl.NumberFormat('en', { style: 'currency', currency: 'GBP' });
const amount = (number) => (number === null || number === undefined ? '–' : money.format(number));

const columns = (title, cell) => [
  { title, wide: true, cell },
  { title: 'Revenue', number: true, cell: (row) => amount(row.revenue) },
  { title: 'Orders', number: true, cell: (row) => count(row.orders) },
  { title: 'Units', number: true, cell: (row) => count(row.units) },
];

/** Shows the page in `place`; returns how to stop it. */
function start(place) {
  const byDay = chart('Revenue by day', amount, (day) => day);
  const days = h('div', { class: 'stack' });
  const countries = h('div', { class: 'stack' });
  show(place, heading('Revenue', 'Completed orders, from the read model sales.'), byDay.element,
    h('div', { class: 'two' }, panel('By country', countries), panel('By day', days)));
  const stopDays = follow('query/sales', { path: '/sales/days?limit=14' }, {
    answer(rows) {
      const oldestFirst = rows.toReversed();
      byDay.draw(oldestFirst.map(({ day }) => day), [{ label: 'revenue', points: oldestFirst.map(({ revenue }) => Number(revenue)) }]);
      show(days, table('Revenue by day', columns('Day', ({ day }) => day), rows, { key: ({ day }) => day }));
    },
  });
  const stopCountries = follow('query/sales', { path: '/sales/countries?limit=9' }, {
    answer(rows) {
      show(countries, table('Revenue by country', columns('Country', ({ country }) => value(country)), rows, { key: ({ country }) => country }));
    },
  });
  return () => {
    stopDays();
    stopCountries();
  };
}

export { start as show };
