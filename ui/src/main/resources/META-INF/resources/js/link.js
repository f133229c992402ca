// A cell pointed at in one drawing is marked in the others: the heat maps of other sites, the tokens of its position, its
// point among the checked ones. One event on the window, `{site, layer, column, kind}` or null, said once per change.
let last = 'null';

/** Says which cell is pointed at; null for none. */
export function point(cell) {
  const text = JSON.stringify(cell);
  if (text === last) return;
  last = text;
  window.dispatchEvent(new CustomEvent('loupe-cell', { detail: cell }));
}

/** Calls `listener` with each cell while an element is on the page; answers the two callbacks that do it. */
export function linked(listener) {
  const on = e => listener(e.detail);
  return { join: () => window.addEventListener('loupe-cell', on), leave: () => window.removeEventListener('loupe-cell', on) };
}
