import { h } from './core.js';

const CSS = ['fill', 'stroke', 'stroke-width', 'stroke-dasharray', 'stroke-linecap', 'stroke-linejoin', 'stroke-opacity', 'fill-opacity', 'opacity', 'font-family', 'font-size', 'font-weight', 'text-anchor'];
const MOST = 2000; // rows of a table on the page; files hold them all

/** A drawing as a file of its own: what the style sheet says is written into each part, on paper of the current theme. */
export function standalone(svg) {
  const copy = svg.cloneNode(true), all = svg.querySelectorAll('*');
  copy.querySelectorAll('*').forEach((node, i) => {
    const style = getComputedStyle(all[i]);
    CSS.forEach(p => { if (style.getPropertyValue(p)) { node.removeAttribute(p); node.style.setProperty(p, style.getPropertyValue(p)); } });
  });
  copy.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  ['tabindex', 'style'].forEach(a => copy.removeAttribute(a));
  const paper = document.createElementNS('http://www.w3.org/2000/svg', 'rect');
  paper.setAttribute('width', '100%');
  paper.setAttribute('height', '100%');
  paper.setAttribute('fill', getComputedStyle(document.documentElement).getPropertyValue('--paper').trim());
  copy.prepend(paper);
  return new XMLSerializer().serializeToString(copy);
}

/** Rows as comma-separated values (RFC 4180), full precision. */
export function csv(columns, rows) {
  const cell = v => (v === null || v === undefined || Number.isNaN(v) ? '' : /[",\r\n]/.test(String(v)) ? `"${String(v).replaceAll('"', '""')}"` : String(v));
  return [columns, ...rows].map(r => r.map(cell).join(',') + '\r\n').join('');
}

function save(name, blob) {
  const a = h('a', { href: URL.createObjectURL(blob), download: name });
  a.click();
  setTimeout(() => URL.revokeObjectURL(a.href), 10_000);
}

async function png(svg) {
  const image = new Image(), { width, height } = svg.getBoundingClientRect();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(standalone(svg))}`;
  await image.decode();
  const canvas = h('canvas', { width: Math.round(3 * width), height: Math.round(3 * height) });
  const pen = canvas.getContext('2d');
  pen.scale(3, 3);
  pen.drawImage(image, 0, 0, width, height);
  return new Promise(done => canvas.toBlob(done, 'image/png'));
}

/**
 * What stands at the end of a drawing's line of words: its numbers as a table, and both as files.
 * `table()` answers `{columns: [names], rows: [[values]]}`; without an `svg` there are no picture files; `arrow` is where the same numbers are as an Arrow file, if anywhere.
 */
export function tools(host, svg, name, table, arrow) {
  const file = name.toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '').slice(0, 60) || 'chart';
  const body = h('div', { class: 'scroll chart-table', tabindex: 0, role: 'region', 'aria-label': `Table: ${name}` });
  const button = (text, title, click) => h('button', { class: 'btn small', type: 'button', title, onclick: click }, text);
  const details = h('details', { class: 'chart-tools' },
    h('summary', { title: 'The numbers as a table; picture and numbers as files', 'aria-label': `Table and files of: ${name}` }, '⋯'),
    h('div', { class: 'line tight' },
      button('CSV', 'the numbers, comma-separated', () => { const t = table(); save(file + '.csv', new Blob([csv(t.columns, t.rows)], { type: 'text/csv' })); }),
      arrow ? h('a', { class: 'btn small', href: arrow, download: file + '.arrow', 'router-ignore': true, title: 'the numbers as an Arrow file' }, 'Arrow') : null,
      svg ? button('SVG', 'the picture, to scale', () => save(file + '.svg', new Blob([standalone(svg)], { type: 'image/svg+xml' }))) : null,
      svg ? button('PNG', 'the picture, three pixels for one', async () => save(file + '.png', await png(svg))) : null),
    body);
  details.addEventListener('toggle', () => {
    if (!details.open) return;
    const t = table();
    const show = v => (typeof v === 'number' ? (Number.isNaN(v) ? '–' : String(Number(v.toPrecision(6)))) : v ?? '–');
    body.replaceChildren(
      h('table', { class: 'list' },
        h('thead', {}, h('tr', {}, t.columns.map(c => h('th', { scope: 'col' }, c)))),
        h('tbody', {}, t.rows.slice(0, MOST).map(r => h('tr', {}, r.map(v => h('td', { class: typeof v === 'number' ? 'num' : undefined }, show(v))))))),
      ...(t.rows.length > MOST ? [h('div', { class: 'faint' }, `the first ${MOST} of ${t.rows.length} rows; the files hold them all`)] : []));
  });
  details.open = host.querySelector('.chart-tools')?.open ?? false; // a redraw keeps it open
  return details;
}
