// The members of a JSON object as text: names, and the bytes of their values as they stand. What `JSON.parse` makes of a
// number or an escape says nothing about what was written.

// `[name, value, where the value begins]` of each member, in their order. The text is an object that is valid.
export function membersOf(text) {
  const members = [];
  let at = text.indexOf('{') + 1;
  for (;;) {
    at = skip(text, at, /[\s,]/);
    if (text[at] === '}') return members;
    const nameEnd = stringEnd(text, at);
    const valueStart = skip(text, nameEnd, /[\s:]/);
    const valueEnd = endOf(text, valueStart);
    members.push([JSON.parse(text.slice(at, nameEnd)), text.slice(valueStart, valueEnd), valueStart]);
    at = valueEnd;
  }
}

function skip(text, at, what) {
  while (what.test(text[at])) at += 1;
  return at;
}

// Where a string that begins here is over.
function stringEnd(text, at) {
  for (let next = at + 1; ; next += 1) {
    if (text[next] === '\\') next += 1;
    else if (text[next] === '"') return next + 1;
  }
}

function endOf(text, at) {
  if (text[at] === '"') return stringEnd(text, at);
  if (text[at] !== '{' && text[at] !== '[') return at + /^[^\s,}\]]+/.exec(text.slice(at, at + 400))[0].length;
  let depth = 0;
  for (let next = at; ; ) {
    if (text[next] === '"') next = stringEnd(text, next);
    else {
      if ('{['.includes(text[next])) depth += 1;
      if ('}]'.includes(text[next])) depth -= 1;
      next += 1;
      if (depth === 0) return next;
    }
  }
}
