// Where the focus goes when what had it is gone: to the same row if it is made anew, else to the next one.

const rowOf = (element) => element.closest('[data-key]:is(tr, li)') ?? element.closest('tr, li');
const selector = 'button:not([disabled]), a[href], input:not([disabled])';

/** What is to be known of an element's place while it is there. */
export function placeOf(element) {
  const row = rowOf(element);
  const keys = [row, row?.nextElementSibling, row?.previousElementSibling].map((near) => near?.getAttribute('data-key')).filter(Boolean);
  return { element, keys, panel: element.closest('.panel')?.getAttribute('data-key') };
}

function find({ keys, panel }) {
  const box = panel ? document.querySelector(`[data-key="${CSS.escape(panel)}"]`) : null;
  const rows = keys.map((key) => document.querySelector(`tr[data-key="${CSS.escape(key)}"]`)).filter(Boolean);
  const targets = rows.map((row) => row.querySelector('.buttons button, button') ?? row.querySelector(selector));
  return targets.find(Boolean) ?? box?.querySelector(selector) ?? box?.querySelector('[tabindex="0"]')
    ?? document.querySelector('main [role="tab"][aria-selected="true"]') ?? document.getElementById('main');
}

/** Sees for a while that the focus is not lost: a page is drawn anew some time after a change. */
export function keepFocus(place) {
  const until = Date.now() + 4000;
  let own = place.element;
  const timer = setInterval(() => {
    const now = document.activeElement;
    const isLost = !now || now === document.body;
    // Whoever has gone on is not called back.
    if (Date.now() > until || (!isLost && now !== own)) return clearInterval(timer);
    if (!isLost) return;
    own = find(place);
    own?.focus();
  }, 50);
}
