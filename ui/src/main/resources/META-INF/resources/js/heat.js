import { LoupeElement, alone, h, inkOn, num } from './core.js';

/**
 * `{rows: [..], columns: [tokens], values: [[..]], max, unit, positive, negative}`: signed values, vermillion up, blue down.
 * One colour scale (`max`) may be shared with other maps. Arrow keys walk the cells; each says its row, column and value.
 */
class Heat extends LoupeElement {
  draw(d) {
    const max = d.max || Math.max(1e-12, ...d.values.flat().map(Math.abs));
    const words = h('div', { class: 'readout faint', 'aria-live': 'polite' });
    const cells = [];
    const say = (r, c) => `${d.rows[r]}, position ${c} ${alone(d.columns[c])}: ${d.values[r][c] >= 0 ? '+' : ''}${num(d.values[r][c])}${d.unit ? ' ' + d.unit : ''}`;
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
          onfocus: () => { words.textContent = say(r, c); },
          onpointerenter: () => { words.textContent = say(r, c); },
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
        }, a >= 0.08 ? short(v) : '');
        return cell;
      });
      cells.push(tds);
      return h('tr', { role: 'row' }, h('th', { scope: 'row', role: 'rowheader' }, d.rows[r]), tds);
    });
    const head = h('tr', { role: 'row' }, h('th', {}), d.columns.map((t, c) => h('th', { scope: 'col', role: 'columnheader', title: `position ${c}` }, alone(t))));
    this.replaceChildren(
      h('div', { class: 'scroll' }, h('table', { class: 'heat', role: 'grid', 'aria-label': d.label ?? 'Heat map of layers by positions' }, h('thead', {}, head), h('tbody', {}, body))),
      words);
  }
}

function short(v) {
  const a = Math.abs(v);
  return (v < 0 ? '−' : '') + (a >= 100 ? a.toFixed(0) : a >= 0.095 ? a.toFixed(1) : a.toFixed(2));
}

customElements.define('loupe-heat', Heat);
