// Text from outside, made safe to look at. Pure functions: no document.

// Controls, line and paragraph separators, bidi controls, invisible spaces, tags, and halves of surrogate pairs.
const unseen =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202f\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]|[\ud800-\udfff]/gu;
// Joiners belong to Persian words and to emoji; beside ASCII they only hide a difference between two ids.
const joiners = /(?<![^\u0000-\u007f])[\u200c\u200d]|[\u200c\u200d](?![^\u0000-\u007f])/gu;
const short = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\0': '\\0' };

function escape(character) {
  return short[character] ?? `\\u{${character.codePointAt(0).toString(16).toUpperCase()}}`;
}

/** The text with all that can't be seen, or that changes the order of what is seen, as escapes. */
export function visible(text) {
  // Most text is like this.
  if (/^[\u0020-\u007e]*$/.test(text)) return String(text);
  return String(text).replace(unseen, escape).replace(joiners, escape);
}

/** The same, for text of several lines: line ends and tabs stay. */
export function visibleLines(text) {
  return String(text).split('\n').map((line) => line.split('\t').map(visible).join('\t')).join('\n');
}

/** The beginning of a text, at most `limit` UTF-16 units, never half a character; and how many are left. */
export function cut(text, limit) {
  if (text.length <= limit) return { text, left: 0 };
  const last = text.charCodeAt(limit - 1);
  const end = last >= 0xd800 && last <= 0xdbff ? limit - 1 : limit;
  return { text: text.slice(0, end), left: text.length - end };
}

/** Whether a link may lead there: within the console, or to a path of the same server. */
export function isOwnAddress(address) {
  return /^(#|\.?\/(?![/\\])|[a-z]+\/)/i.test(address) && !/[\u0000-\u0020\\]/.test(address);
}
