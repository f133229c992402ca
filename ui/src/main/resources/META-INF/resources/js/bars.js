import { LoupeElement, alone, h, num } from './core.js';

/**
 * `{rows: [{name, token, href, more, value, text, share}], tone, signed, columns, empty}`: a name, a bar, a number.
 * `token` instead of `name` is shown in the fixed-width face with its spaces visible; `share` is the bar's length in 0..1.
 */
class Bars extends LoupeElement {
  draw(d) {
    this.classList.add('rows');
    this.setAttribute('role', 'list');
    if (!d.rows.length) { this.replaceChildren(h('div', { class: 'faint' }, d.empty ?? 'Nothing here.')); return; }
    this.replaceChildren(...d.rows.map(r => {
      const tone = d.tone === 'signed' ? (r.text.startsWith('−') ? 'neg' : 'pos') : d.tone ?? (r.value >= 0 ? 'pos' : 'neg');
      const name = r.token !== undefined && r.token !== null ? alone(r.token) : r.name;
      const label = r.href ? [h('a', { href: r.href, 'router-link': true }, name, r.more ? h('span', { class: 'ink' }, ' ' + r.more) : null)] : [name, r.more ? h('span', { class: 'faint' }, ' ' + r.more) : null];
      return h('div', { class: 'row' + (d.narrow ? ' narrow' : ''), role: 'listitem' },
        h('span', { class: r.token !== undefined && r.token !== null ? 'name mono' : 'name', title: r.title ?? `${name}${r.more ? ' ' + r.more : ''}` }, label),
        h('span', { class: `bar ${tone}`, 'aria-hidden': 'true' }, h('i', { style: { '--w': Math.max(0, Math.min(1, r.share)) } })),
        h('span', { class: 'num' }, r.text ?? num(r.value, 3)));
    }));
  }
}

customElements.define('loupe-bars', Bars);
