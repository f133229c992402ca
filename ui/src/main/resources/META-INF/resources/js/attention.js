import { LoupeElement, alone, h, num, ramp } from './core.js';
import { tokenRun } from './tokens.js';

const SIZE = 92; // CSS pixels of a head's picture

/**
 * `{tokens, pattern: [head][query][key], layer, head, query}`: where the heads of a layer look. A picture per head; of the
 * chosen one the text, coloured by what the chosen token looks at. Arrow keys move the token, a table holds the numbers.
 */
class Attention extends LoupeElement {
  draw(d) {
    const n = d.tokens.length;
    d.head ??= 0;
    d.query ??= n - 1;
    d.head = Math.min(d.head, d.pattern.length - 1);
    d.query = Math.min(d.query, n - 1);
    const heads = d.pattern.map((p, k) => {
      const canvas = h('canvas', { width: n, height: n, 'aria-hidden': 'true' });
      const pen = canvas.getContext('2d'), image = pen.createImageData(n, n);
      // black of a value's opacity: the style sheet gives it the accent of its theme through a mask
      p.forEach((row, q) => row.forEach((v, c) => { image.data[4 * (q * n + c) + 3] = Math.round(255 * ramp(v, 1)); }));
      pen.putImageData(image, 0, 0);
      const ink = h('span', { class: 'ink', style: { 'mask-image': `url(${canvas.toDataURL()})`, width: `${SIZE}px`, height: `${SIZE}px` } });
      return h('button', { type: 'button', class: 'head', 'aria-pressed': String(k === d.head), 'aria-label': `Head ${k} of layer ${d.layer}`, onclick: () => { d.head = k; this.tell('look', { head: d.head, query: d.query }); this.redraw(); } }, ink, h('span', {}, `head ${k}`));
    });
    const row = d.pattern[d.head][d.query], values = d.tokens.map((_, k) => row[k] ?? 0);
    const text = h('div', { class: 'toks', tabindex: 0, role: 'group', 'aria-label': `Text: what position ${d.query} looks at with head ${d.head}` },
      tokenRun(d.tokens, values, 1, { titles: d.tokens.map((t, k) => `${alone(t)}  ${num(100 * values[k], 3)} %`) }));
    text.querySelectorAll('.tok').forEach((t, k) => { t.classList.toggle('picked', k === d.query); if (k > d.query) t.classList.add('faint'); });
    const pick = q => { if (q >= 0 && q < n && q !== d.query) { d.query = q; this.tell('look', { head: d.head, query: q }); this.draw(d); this.querySelector('.toks').focus(); } };
    text.addEventListener('click', e => pick([...text.querySelectorAll('.tok')].indexOf(e.target.closest?.('.tok'))));
    text.addEventListener('keydown', e => { const step = { ArrowRight: 1, ArrowLeft: -1 }[e.key]; if (step) { e.preventDefault(); pick(d.query + step); } });
    const best = [...values.keys()].filter(k => values[k] > 0).sort((a, b) => values[b] - values[a]).slice(0, 8);
    const table = h('table', { class: 'list narrow' }, h('caption', {}, `Layer ${d.layer}, head ${d.head}: position ${d.query} ${alone(d.tokens[d.query])} looks at`),
      h('thead', {}, h('tr', {}, h('th', { scope: 'col', class: 'num' }, 'position'), h('th', { scope: 'col' }, 'token'), h('th', { scope: 'col', class: 'num' }, 'share'))),
      h('tbody', {}, best.map(k => h('tr', {}, h('td', { class: 'num' }, k), h('td', { class: 'mono' }, alone(d.tokens[k])), h('td', { class: 'num' }, `${num(100 * values[k], 3)} %`)))));
    this.replaceChildren(h('div', { class: 'heads', role: 'group', 'aria-label': 'Heads' }, heads), h('div', { class: 'two gap' }, text, table));
  }
}

customElements.define('loupe-attention', Attention);
