import { LoupeElement, alone, h, inkOn, num } from './core.js';

/**
 * `{tokens, layers, cells: [layer][position] {top: [[text, probability]], rank, p, entropy}, show, chosen}`: what each layer
 * would predict at each position, the last layer on top. `show`: "top" (the best token), "rank" (of the chosen token) or
 * "entropy". Arrow keys walk the cells; each says its five best tokens.
 */
class Lens extends LoupeElement {
  show(what) {
    if (!this.data) return;
    this.data.show = what;
    this.redraw();
  }

  draw(d) {
    const words = h('div', { class: 'lens-words', 'aria-live': 'polite' }, h('span', { class: 'faint' }, 'Point at a cell, or walk with the arrow keys, to read its five best tokens.'));
    const most = Math.log(d.vocabulary);
    const say = (r, c) => {
      const x = d.cells[r][c];
      words.replaceChildren(
        h('span', { class: 'dim' }, `${d.layers[r]}, position ${c} after ${alone(d.tokens[c])}: `),
        ...x.top.flatMap(([t, p]) => [h('span', { class: 'tokchip ink' }, alone(t)), ` ${num(100 * p, 2)} % `]),
        h('span', { class: 'dim' }, `${d.chosen ?? 'the next token of the text'}: ${x.rank > 0 ? `rank ${num(x.rank)}, ${num(100 * x.p, 2)} %` : '–'} · entropy ${num(x.entropy, 3)} nats`));
    };
    const grid = [];
    const focus = (r, c) => {
      const cell = grid[r]?.[c];
      if (!cell) return;
      grid.flat().forEach(x => { x.tabIndex = -1; });
      cell.tabIndex = 0;
      cell.focus();
    };
    const order = [...d.layers.keys()].reverse();
    const body = order.map((layer, r) => {
      const tds = d.cells[layer].map((x, c) => {
        const [text, p] = x.top[0];
        const value = d.show === 'rank' ? (x.rank > 0 ? 1 / (1 + Math.log2(x.rank)) : 0) : d.show === 'entropy' ? 1 - x.entropy / most : p;
        const shown = d.show === 'rank' ? (x.rank > 0 ? num(x.rank) : '') : d.show === 'entropy' ? num(x.entropy, 2) : alone(text);
        const a = Math.max(0, Math.min(1, value)) * 0.92;
        return h('td', {
          tabindex: r === 0 && c === 0 ? 0 : -1, role: 'gridcell',
          'aria-label': `${d.layers[layer]}, position ${c}: ${x.top.map(([t, q]) => `${alone(t)} ${num(100 * q, 2)} %`).join(', ')}${x.rank > 0 ? `, rank of the chosen token ${x.rank}` : ''}`,
          style: { background: `rgb(var(--act) / ${a.toFixed(3)})`, color: a > 0.3 ? inkOn('act', a) : '' },
          class: x.rank === 1 ? 'hit1' : undefined,
          onfocus: () => say(layer, c), onpointerenter: () => say(layer, c), onclick: () => this.tell('cell', { row: layer, column: c }),
          onkeydown: e => {
            const step = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[e.key];
            if (step) focus(r + step[0], c + step[1]);
            else if (e.key === 'Home') focus(r, 0);
            else if (e.key === 'End') focus(r, d.tokens.length - 1);
            else return;
            e.preventDefault();
            e.stopPropagation();
          },
        }, shown);
      });
      grid.push(tds);
      return h('tr', { role: 'row' }, h('th', { scope: 'row', role: 'rowheader' }, d.layers[layer]), tds);
    });
    const head = h('tr', { role: 'row' }, h('th', {}), d.tokens.map((t, c) => h('th', { scope: 'col', role: 'columnheader', title: `position ${c}` }, alone(t))));
    this.replaceChildren(words, h('div', { class: 'scroll' }, h('table', { class: 'heat lens', role: 'grid', 'aria-label': 'Logit lens: layers by positions' }, h('thead', {}, head), h('tbody', {}, body))));
  }
}

customElements.define('loupe-lens', Lens);
