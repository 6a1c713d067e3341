// The command line that does the same as a click. Pure.
import { visible } from './safe.js';

let program = 'admin';
let flags = {};

/** How administrators call the command line. */
export function setProgram(name) {
  program = name;
}

/** The flags with which commands look at what this process looks at: `data` for those about store and read models, `topic`. */
export function setFlags(given) {
  flags = given ?? {};
}

function word(text) {
  if (/^[A-Za-z0-9_@%+=:,./-]+$/.test(text)) return text;
  // What can't be seen is written as bash's $'…' has it, so that the line can be copied and means the same.
  if (visible(text) !== text) {
    const escaped = [...text].map((character) => {
      if (character === "'" || character === '\\') return `\\${character}`;
      if (visible(character) === character) return character;
      return `\\U${character.codePointAt(0).toString(16).padStart(8, '0')}`;
    });
    return `$'${escaped.join('')}'`;
  }
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** A command with its arguments, quoted for a shell. */
export function command(...words) {
  return [program, ...words, ...(flags[words[0] === 'topic' ? 'topic' : 'data'] ?? [])].filter((text) => text !== null && text !== undefined).map(word).join(' ');
}
