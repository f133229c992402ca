import { LoupeElement, alone, h, inkOn, num } from './core.js';
import { linked, point } from './link.js';
import { tools } from './tools.js';

/**
 * `{site, rows: [..], layers: [..], heads: [..] or absent, columns: [tokens], kind, values: [[..]], max, unit, label, small}`: signed values, vermillion
 * up, blue down. One colour scale (`max`) may be shared with other maps. Arrow keys walk the cells; each says its row, column
 * and value, and what shares its place elsewhere on the page is marked. `small`: a map among several, without numbers.
 * The attribute `arrow` is where the same numbers are as an Arrow file.
 */
class Heat extends LoupeElement {
  #cells = [];
  #marked = [];
  #link = linked(c => this.#mark(c));

  connectedCallback() { super.connectedCallback(); this.#link.join(); }
  disconnectedCallback() { super.disconnectedCallback(); this.#link.leave(); }

  #mark(at) {
    this.#marked.forEach(c => c.classList.remove('linked'));
    this.#marked = [];
    const d = this.data;
    if (!at || !d || at.kind !== (d.kind ?? 'position')) return;
    const r = (d.layers ?? []).findIndex((l, i) => l === at.layer && (!d.heads || d.heads[i] === at.head)), cell = this.#cells[r]?.[at.column];
    if (cell) { cell.classList.add('linked'); this.#marked.push(cell); }
  }

  draw(d) {
    const max = d.max || Math.max(1e-12, ...d.values.flat().map(Math.abs));
    const words = h('div', { class: 'readout faint', 'aria-live': d.small ? 'off' : 'polite' });
    const cells = [], kind = d.kind ?? 'position';
    const place = c => (kind === 'position' ? `position ${c} ${alone(d.columns[c])}` : d.columns[c]);
    const say = (r, c) => `${d.rows[r]}, ${place(c)}: ${d.values[r][c] >= 0 ? '+' : ''}${num(d.values[r][c])}${d.unit ? ' ' + d.unit : ''}`;
    const at = (r, c) => { words.textContent = say(r, c); if (d.layers) point({ site: d.site, layer: d.layers[r], head: d.heads?.[r], column: c, kind }); };
    const focus = (r, c) => {
      const cell = cells[r]?.[c];
      if (!cell) return;
      cells.flat().forEach(x => { x.tabIndex = -1; });
      cell.tabIndex = 0;
      cell.focus();
    };
    const body = d.values.map((line, r) => {
      const tds = line.map((v, c) => {
        const a = Math.min(1, Math.abs(v) / max);
        const cell = h('td', {
          tabindex: r === 0 && c === 0 ? 0 : -1, role: 'gridcell', title: say(r, c), 'aria-label': say(r, c), 'data-value': v,
          class: v >= 0 ? 'pos' : 'neg',
          style: a > 0.004 ? { background: `rgb(var(--${v >= 0 ? 'pos' : 'neg'}) / ${(0.04 + 0.88 * a).toFixed(3)})`, color: inkOn(v >= 0 ? 'pos' : 'neg', 0.04 + 0.88 * a) } : {},
          onfocus: () => at(r, c),
          onblur: () => point(null),
          onpointerenter: () => at(r, c),
          onclick: () => this.tell('cell', { row: r, column: c }),
          onkeydown: e => {
            const step = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[e.key];
            if (step) focus(r + step[0], c + step[1]);
            else if (e.key === 'Home') focus(r, 0);
            else if (e.key === 'End') focus(r, line.length - 1);
            else if (e.key === 'Enter') this.tell('cell', { row: r, column: c });
            else return;
            e.preventDefault();
            e.stopPropagation();
          },
        }, a >= 0.08 && !d.small ? short(v) : '');
        return cell;
      });
      cells.push(tds);
      return h('tr', { role: 'row' }, h('th', { scope: 'row', role: 'rowheader' }, d.rows[r]), tds);
    });
    this.#cells = cells;
    const head = h('tr', { role: 'row' }, h('th', {}), d.columns.map((t, c) => h('th', { scope: 'col', role: 'columnheader', title: `${kind} ${c}` }, kind === 'position' ? alone(t) : t)));
    const label = d.label ?? 'Heat map of layers by positions';
    const grid = h('table', { class: d.small ? 'heat small' : 'heat', role: 'grid', 'aria-label': label, onpointerleave: () => point(null) }, h('thead', {}, head), h('tbody', {}, body));
    const table = () => ({ columns: ['layer', ...(d.heads ? ['head'] : []), kind, ...(kind === 'position' ? ['token'] : []), d.unit || 'value'], rows: d.values.flatMap((line, r) => line.map((v, c) => [d.layers?.[r] ?? d.rows[r], ...(d.heads ? [d.heads[r]] : []), c, ...(kind === 'position' ? [d.columns[c]] : []), v])) });
    this.replaceChildren(...[h('div', { class: 'scroll' }, grid), words, d.small ? null : tools(this, null, label, table, this.getAttribute('arrow'))].filter(Boolean));
  }
}

function short(v) {
  const a = Math.abs(v);
  return (v < 0 ? '−' : '') + (a >= 100 ? a.toFixed(0) : a >= 0.095 ? a.toFixed(1) : a.toFixed(2));
}

customElements.define('loupe-heat', Heat);
