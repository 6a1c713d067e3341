// What is wrong with the page that is shown: contrast, targets, structure, names. Run by check.py; gives the problems and the lowest contrast.
const problems = [];
const shown = (e) => e.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true }) && !e.closest('.unseen, [aria-hidden=true]');
const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
function rgba(color) {
  canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
  const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data; return [r, g, b, a / 255];
}
const over = (top, under) => [0, 1, 2].map((i) => top[i] * top[3] + under[i] * (1 - top[3])).concat(1);
function ground(e) {
  const layers = [];
  for (; e; e = e.parentElement) { const c = rgba(getComputedStyle(e).backgroundColor); layers.push(c); if (c[3] === 1) break; }
  return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255, 1]);
}
const light = (c) => { const [r, g, b] = c.map((v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
const contrast = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
let lowest = 21;
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let t = walker.nextNode(); t; t = walker.nextNode()) {
  const e = t.parentElement;
  if (!t.data.trim() || !shown(e) || e.closest('noscript, script, option, :disabled')) continue;
  const style = getComputedStyle(e), back = ground(e);
  const color = e.namespaceURI.includes('svg') ? style.fill : style.color;
  let opacity = 1; for (let p = e; p; p = p.parentElement) opacity *= Number(getComputedStyle(p).opacity);
  const c = rgba(color); c[3] *= opacity;
  const value = contrast(over(c, back), back), large = parseFloat(style.fontSize) >= 24;
  lowest = Math.min(lowest, value);
  if (value < (large ? 3 : 4.5)) problems.push(`contrast ${value.toFixed(2)} of "${t.data.slice(0, 30)}" (${e.className?.baseVal ?? e.className})`);
}
for (const e of document.querySelectorAll('input:not([type=checkbox]):not([type=range]), select')) {
  if (!shown(e)) continue;
  const value = contrast(over(rgba(getComputedStyle(e).borderTopColor), ground(e.parentElement)), ground(e.parentElement));
  if (value < 3) problems.push(`border of ${e.name} has contrast ${value.toFixed(2)}`);
}
for (const e of document.querySelectorAll('button, a[href], input, select, summary')) {
  if (!shown(e) || e.classList.contains('skip')) continue;
  const box = e.getBoundingClientRect();
  if (box.height < 24 && !(e.matches('a, summary, .more') ) && e.type !== 'checkbox') problems.push(`target ${Math.round(box.width)}x${Math.round(box.height)}: ${e.outerHTML.slice(0, 80)}`);
}
if (document.querySelectorAll('main h1').length !== 1) problems.push(`${document.querySelectorAll('main h1').length} h1`);
let level = 0;
for (const e of document.querySelectorAll('main h1, main h2, main h3, main h4')) { const n = Number(e.tagName[1]); if (n > level + 1) problems.push(`heading ${e.tagName} "${e.textContent.slice(0, 30)}" after level ${level}`); level = n; }
const ids = [...document.querySelectorAll('[id]')].map((e) => e.id);
for (const id of new Set(ids)) if (ids.filter((x) => x === id).length > 1) problems.push(`the id ${id} is there twice`);
for (const e of document.querySelectorAll('a button, a a, button button, button a, summary button, label button')) problems.push(`nested: ${e.outerHTML.slice(0, 80)}`);
for (const e of document.querySelectorAll('table')) if (!e.caption) problems.push('a table has no caption');
for (const e of document.querySelectorAll('img:not([alt])')) problems.push('an image has no alt');
for (const e of document.querySelectorAll('[aria-labelledby], [aria-describedby]')) for (const a of ['aria-labelledby', 'aria-describedby']) for (const id of (e.getAttribute(a) ?? '').split(' ').filter(Boolean)) if (!document.getElementById(id)) problems.push(`${a} names ${id}, which is not there`);
for (const e of document.querySelectorAll('ul, ol')) for (const c of e.children) if (c.tagName !== 'LI') problems.push(`a list has a ${c.tagName}`);
for (const tag of ['header', 'nav', 'main']) if (document.querySelectorAll(tag).length !== 1) problems.push(`not one ${tag}`);
if (document.querySelectorAll('main [style], main script, main iframe, main object').length) problems.push('an inline style, a script or a frame in the page');
if (window.hacked !== undefined) problems.push(`hostile data was executed: ${window.hacked}`);
return [problems, lowest];
