import { LoupeElement, alone, h, inkOn, num, ramp, shown } from './core.js';
import { linked, point } from './link.js';

/** One run of tokens as flowing text: colour behind each token is its value, the strongest is underlined. */
export function tokenRun(tokens, values, max, options = {}) {
  const out = [];
  let peak = -1;
  values.forEach((v, i) => { if (Math.abs(v) > 0 && (peak < 0 || Math.abs(v) > Math.abs(values[peak]))) peak = i; });
  tokens.forEach((t, i) => {
    const v = values[i] ?? 0;
    const alpha = ramp(v, max);
    const dim = options.dim && i < options.dim;
    const tone = !options.signed ? 'act' : v > 0 ? 'pos' : 'neg';
    const cls = ['tok', i === peak && 'peak', dim && 'faint', options.signed && v !== 0 && tone, options.chosen?.includes(i) && 'chosen'].filter(Boolean).join(' ');
    const unit = options.unit ? ' ' + options.unit : '';
    out.push(h('span', {
      class: cls, 'data-v': v === 0 ? undefined : v,
      style: alpha > 0 ? { '--v': alpha.toFixed(3), color: alpha > 0.3 ? inkOn(tone, alpha) : '' } : {},
      title: options.titles?.[i] ?? (t === '' ? `bytes of a character that a later token completes  ${num(v)}${unit}` : `${alone(t)}  ${num(v)}${unit}`),
    }, t === '' ? h('span', { class: 'part' }, '▯') : options.breaks ? broken(t) : shown(t)));
  });
  return out;
}

/** A token with its line ends obeyed after they are shown. */
function broken(token) {
  return token.split('\n').map((part, i, all) => shown(part) + (i < all.length - 1 ? '↵\n' : '')).join('');
}

/** Tells histograms on the page which value the pointer is over. */
function pointed(e) {
  const v = e.type === 'pointerleave' ? null : e.target.closest?.('.tok')?.dataset.v;
  window.dispatchEvent(new CustomEvent('loupe-value', { detail: v === undefined || v === null ? null : Number(v) }));
}

/** `{tokens, values, max, dim, unit, signed, titles, empty, chosen}`: one text. `append(token, value, title)` adds one token. */
class Tokens extends LoupeElement {
  #at = -1;

  constructor() {
    super();
    this.addEventListener('click', e => this.#pick([...this.querySelectorAll('.tok')].indexOf(e.target.closest?.('.tok'))));
    this.addEventListener('keydown', e => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[e.key];
      if (!step || !this.data?.tokens.length) return;
      e.preventDefault();
      this.#pick(Math.max(0, Math.min(this.data.tokens.length - 1, this.#at + step)));
    });
    this.addEventListener('pointerover', pointed);
    this.addEventListener('pointerleave', pointed);
  }

  #pick(i) {
    if (i < 0) return;
    this.#at = i;
    this.querySelectorAll('.tok').forEach((t, k) => t.classList.toggle('picked', k === i));
    this.tell('pick', { index: i });
  }

  draw(d) {
    this.classList.add('toks');
    this.setAttribute('tabindex', '0');
    if (!d.tokens.length) { this.replaceChildren(h('span', { class: 'faint' }, d.empty ?? '')); return; }
    this.replaceChildren(...tokenRun(d.tokens, d.values ?? [], d.max ?? 0, d));
  }

  append(token, value = 0, title = null) {
    const d = this.data ?? (this.data = { tokens: [], values: [], max: 0 });
    d.tokens.push(token);
    d.values[d.tokens.length - 1] = value;
    if (title !== null) (d.titles ??= [])[d.tokens.length - 1] = title;
    this.redraw();
  }
}

/**
 * `{max, rows: [{lead, tokens, values, peak, source, title, lang}], around, breaks}`: a list of examples on one colour scale.
 * `view(around, breaks)` shows so many tokens on either side of the peak (null: all there are), and obeys line ends or not.
 * A range of values pointed at in a histogram is framed here, as the value pointed at here is marked there.
 */
class Examples extends LoupeElement {
  #range = e => {
    const r = e.detail;
    this.querySelectorAll('.tok[data-v]').forEach(t => t.classList.toggle('inrange', r !== null && t.dataset.v >= r[0] && t.dataset.v < r[1]));
  };

  constructor() {
    super();
    this.addEventListener('pointerover', pointed);
    this.addEventListener('pointerleave', pointed);
  }

  connectedCallback() { super.connectedCallback(); window.addEventListener('loupe-range', this.#range); }
  disconnectedCallback() { super.disconnectedCallback(); window.removeEventListener('loupe-range', this.#range); }

  view(around, breaks) {
    if (!this.data) return;
    this.data.around = around;
    this.data.breaks = breaks;
    this.redraw();
  }

  /** The tokens to show of a row, and whether text was left out on either side. */
  #cut(r) {
    const a = this.data.around, n = r.tokens.length, p = r.peak ?? 0;
    const from = a === null || a === undefined ? 0 : Math.max(0, p - a), to = a === null || a === undefined ? n : Math.min(n, p + a + 1);
    return [from > 0 ? h('span', { class: 'faint' }, '…') : null, tokenRun(r.tokens.slice(from, to), r.values.slice(from, to), this.data.max, this.data), to < n ? h('span', { class: 'faint' }, '…') : null];
  }

  draw(d) {
    if (!d.rows.length) { this.replaceChildren(h('div', { class: 'faint', role: 'note' }, d.empty ?? 'No examples.')); return; }
    this.setAttribute('role', 'list');
    this.replaceChildren(...d.rows.map(r => h('div', { class: 'ex', role: 'listitem' },
      h('span', { class: 'max', title: 'strongest value in this text' }, r.lead),
      h('span', { class: 'toks', lang: r.lang || undefined }, this.#cut(r)),
      h('span', { class: 'src', title: r.title }, r.source))));
  }
}

/**
 * `{rows: [{name, tokens: [..], answer}]}`: token sequences one under the other, differences marked, a column per position; null
 * is a gap. The position pointed at in a heat map is marked here, and the other way round.
 */
class TokenPair extends LoupeElement {
  #link = linked(c => this.querySelectorAll('td[data-p]').forEach(t => t.classList.toggle('linked', c !== null && c.kind === 'position' && Number(t.dataset.p) === c.column)));

  connectedCallback() { super.connectedCallback(); this.#link.join(); }
  disconnectedCallback() { super.disconnectedCallback(); this.#link.leave(); }

  draw(d) {
    const most = Math.max(...d.rows.map(r => r.tokens.length)), columns = [...Array(most).keys()];
    const differs = i => d.rows.some(r => r.tokens[i] !== d.rows[0].tokens[i]);
    const chip = (t, i) => (t === null || t === undefined ? h('span', { class: 'tokchip gapchip', title: 'the other prompt has one token more here' }, '·') : h('span', { class: differs(i) ? 'tokchip differs' : 'tokchip' }, alone(t)));
    this.setAttribute('tabindex', '0');
    this.setAttribute('role', 'group');
    this.setAttribute('aria-label', 'Tokens of the two prompts, one column for each position');
    this.replaceChildren(h('table', { class: 'pair' }, h('tbody', {}, d.rows.map(r => h('tr', {},
      h('th', { scope: 'row' }, r.name),
      columns.map(i => h('td', { 'data-p': i, title: `position ${i}`, onpointerenter: () => point({ site: '', layer: -1, column: i, kind: 'position' }), onpointerleave: () => point(null) }, chip(r.tokens[i], i))),
      r.answer === '' ? null : [h('td', { class: 'faint' }, '→'),
        h('td', {}, h('span', { class: 'tokchip ink', title: r.title }, alone(r.answer)))])))));
  }
}

customElements.define('loupe-tokens', Tokens);
customElements.define('loupe-examples', Examples);
customElements.define('loupe-pair', TokenPair);
