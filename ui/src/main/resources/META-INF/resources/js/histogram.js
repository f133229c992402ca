import { LoupeElement, num, s, ticks, walkable } from './core.js';
import { tools } from './tools.js';

/**
 * `{counts, from, to, logCount, unit, what, height, ramped, tone, label, linked, low, high}`: a histogram of equal bins between `from` and `to`.
 * With `edges` (one more than counts) bins may have any width. `linked`: marks the value under the pointer in example lists,
 * and has the values of the bin pointed at framed there.
 */
class Histogram extends LoupeElement {
  #mark = null;
  #listen = e => { if (this.data?.linked) this.#mark?.(e.detail); };

  /** Shades values between two ends, null and null for none. */
  band(low, high) {
    if (!this.data) return;
    this.data.low = low;
    this.data.high = high;
    this.redraw();
  }

  get scaled() { return true; }
  connectedCallback() { super.connectedCallback(); window.addEventListener('loupe-value', this.#listen); }
  disconnectedCallback() { super.disconnectedCallback(); window.removeEventListener('loupe-value', this.#listen); }

  draw(d) {
    const n = d.counts.length, W = this.room, H = d.height ?? 150, base = H - 24, left = 2, right = W - 2;
    const total = d.counts.reduce((a, b) => a + b, 0), top = Math.max(...d.counts, 1);
    const lo = d.edges ? d.edges[0] : d.from, hi = d.edges ? d.edges[n] : d.to;
    const x = v => left + (right - left) * (v - lo) / (hi - lo || 1);
    const edge = i => d.edges ? d.edges[i] : lo + (hi - lo) * i / n;
    const y = c => c <= 0 ? 0 : (d.logCount ? Math.log1p(c) / Math.log1p(top) : c / top) * (base - 12);
    const what = d.what ?? 'tokens';
    const label = d.label ?? `Histogram, ${num(total, 9)} ${what} between ${num(lo)} and ${num(hi)}`;
    const svg = s('svg', { width: W, height: H, viewBox: `0 0 ${W} ${H}`, role: 'img', 'aria-label': label });
    svg.append(s('path', { class: 'grid', d: `M${left} ${base + .5}H${right}` }));
    if (d.low !== undefined && d.low !== null) {
      const at = v => Math.max(left, Math.min(right, x(d.log10 ? Math.log10(Math.max(v, 1e-30)) : v)));
      svg.append(s('rect', { class: 'shade', x: at(d.low), y: 0, width: Math.max(2, at(d.high) - at(d.low)), height: base }));
    }
    const tone = d.tone === 'accent' ? 'var(--accent)' : 'rgb(var(--act))';
    const bars = d.counts.map((c, i) => {
      const w = Math.max(1, x(edge(i + 1)) - x(edge(i)) - 2), hh = Math.max(c > 0 ? 2 : 0, y(c));
      const r = s('rect', { class: 'barr', x: x(edge(i)) + 1, y: base - hh, width: w, height: hh, rx: Math.min(2, w / 3), fill: tone, opacity: d.ramped === false ? .8 : (.35 + .6 * i / n).toFixed(2) });
      svg.append(r);
      return r;
    });
    const every = d.log10 ? decades(lo, hi, Math.floor(W / 55)) : ticks(lo, hi, Math.max(2, Math.floor(W / 110)));
    every.forEach(t => svg.append(s('text', { x: x(t), y: H - 8, 'text-anchor': x(t) < left + 10 ? 'start' : x(t) > right - 14 ? 'end' : 'middle' }, d.log10 ? power(t) : num(t))));
    const say = i => `${num(d.log10 ? 10 ** edge(i) : edge(i), 3)} – ${num(d.log10 ? 10 ** edge(i + 1) : edge(i + 1), 3)}: ${num(d.counts[i], 9)} ${what}${total ? ` (${num(100 * d.counts[i] / total, 3)} %)` : ''}`;
    const tellRange = r => { if (d.linked) window.dispatchEvent(new CustomEvent('loupe-range', { detail: r })); };
    const { words, go } = walkable(svg, n, i => {
      bars.forEach((b, k) => b.classList.toggle('on', k === i));
      tellRange([d.log10 ? 10 ** edge(i) : edge(i), d.log10 ? 10 ** edge(i + 1) : edge(i + 1)]);
      return say(i);
    });
    svg.addEventListener('pointermove', e => {
      const v = lo + (hi - lo) * (e.offsetX * (W / svg.getBoundingClientRect().width) - left) / (right - left);
      let i = 0;
      while (i < n - 1 && v >= edge(i + 1)) i++;
      go(i);
    });
    const leave = () => { bars.forEach(b => b.classList.remove('on')); words.textContent = ''; tellRange(null); };
    svg.addEventListener('pointerleave', leave);
    svg.addEventListener('blur', leave);
    const line = s('path', { class: 'marker', d: '' });
    svg.append(line);
    this.#mark = v => {
      const at = v === null ? NaN : d.log10 ? Math.log10(v) : v;
      line.setAttribute('d', at >= lo && at <= hi ? `M${x(at)} 4V${base}` : '');
    };
    const end = i => (d.log10 ? 10 ** edge(i) : edge(i));
    const table = () => ({ columns: ['from', 'to', what], rows: d.counts.map((c, i) => [end(i), end(i + 1), c]) });
    this.replaceChildren(svg, words, tools(this, svg, d.label ?? `histogram of ${what}`, table, this.getAttribute('arrow')));
  }
}

/** Ticks of a logarithmic axis, as powers of ten: 1, 2, 5 of each decade where there is room, else whole decades. */
function decades(lo, hi, room) {
  const out = [];
  for (let e = Math.floor(lo) - 1; e <= Math.ceil(hi); e++) for (const m of [1, 2, 5]) { const t = e + Math.log10(m); if (t >= lo - 1e-9 && t <= hi + 1e-9) out.push(t); }
  return out.length <= room ? out : out.filter(t => Math.abs(t - Math.round(t)) < 1e-9);
}

/** A power of ten as people write it: 0.5, 20, 10⁻⁴. */
function power(t) {
  const v = 10 ** t;
  if (v >= 0.0099 && v < 1e5) return num(v, 3);
  const e = Math.floor(t + 1e-9), m = Math.round(10 ** (t - e));
  return `${m === 1 ? '' : m + '·'}10${[...String(e)].map(c => '⁰¹²³⁴⁵⁶⁷⁸⁹'[c] ?? '⁻').join('')}`;
}

customElements.define('loupe-histogram', Histogram);
