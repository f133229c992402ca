import { LoupeElement, h, num, s, ticks, walkable } from './core.js';
import { tools } from './tools.js';

const TONES = ['var(--accent)', 'rgb(var(--act))', 'var(--good)', 'rgb(var(--pos))', 'rgb(var(--neg))', 'var(--soft)'];

/**
 * `{series: [{name, x: [], y: [], dashed}], xName, yName, from, to, low, high, logX, logY, height, mark, markText, label}`: lines over one x.
 * `append(series, x, y)` adds points while a job runs.
 */
class Curve extends LoupeElement {
  get scaled() { return true; }

  append(name, x, y) {
    const d = this.data;
    if (!d) return;
    let line = d.series.find(q => q.name === name);
    if (!line) d.series.push(line = { name, x: [], y: [] });
    line.x.push(x);
    line.y.push(y);
    this.redraw();
  }

  mark(x, text) {
    if (!this.data) return;
    this.data.mark = x;
    this.data.markText = text;
    this.redraw();
  }

  draw(d) {
    const W = this.room, H = d.height ?? 150, base = H - 22, left = 44, right = W - 10, head = 12;
    const gx = d.logX ? Math.log10 : v => v;
    const xs = d.series.flatMap(q => q.x), ys = d.series.flatMap(q => q.y).filter(v => Number.isFinite(v) && (!d.logY || v > 0));
    if (!xs.length || !ys.length) { this.replaceChildren(h('div', { class: 'faint' }, d.empty ?? 'No values yet.')); return; }
    const f = d.logY ? Math.log10 : v => v;
    const x0 = d.from ?? Math.min(...xs), x1 = d.to ?? Math.max(...xs);
    let y0 = d.low ?? Math.min(...ys), y1 = d.high ?? Math.max(...ys);
    if (y0 === y1) { y1 = y0 + (Math.abs(y0) || 1); }
    const X = v => left + (right - left) * (gx(v) - gx(x0)) / (gx(x1) - gx(x0) || 1);
    const Y = v => base - (base - head) * (f(v) - f(y0)) / (f(y1) - f(y0));
    const last = d.series.map(q => `${q.name} ${num(q.y[q.y.length - 1])}`).join(', ');
    const svg = s('svg', { width: W, height: H, viewBox: `0 0 ${W} ${H}`, role: 'img', 'aria-label': `${d.label ?? d.yName ?? 'Curve'}: ${last}` });
    const yt = d.logY ? logTicks(y0, y1) : ticks(y0, y1, Math.max(2, Math.floor(H / 50)));
    yt.forEach(t => svg.append(s('path', { class: 'grid', d: `M${left} ${Y(t)}H${right}` }), s('text', { x: left - 6, y: Y(t) + 4, 'text-anchor': 'end' }, num(t, 3))));
    (d.logX ? few([...new Set(xs)].sort((a, b) => a - b), x0, x1) : ticks(x0, x1, Math.max(2, Math.floor(W / 110)))).forEach(t => svg.append(s('text', { x: X(t), y: H - 6, 'text-anchor': X(t) > right - 12 ? 'end' : 'middle' }, num(t, 3))));
    d.series.forEach((q, k) => {
      let path = '', pen = false;
      q.x.forEach((v, i) => {
        const ok = Number.isFinite(q.y[i]) && (!d.logY || q.y[i] > 0);
        if (ok) path += `${pen ? 'L' : 'M'}${X(v).toFixed(1)} ${Y(q.y[i]).toFixed(1)}`;
        pen = ok;
      });
      svg.append(s('path', { class: 'line', d: path, stroke: TONES[k % TONES.length], 'stroke-dasharray': q.dashed ? '5 4' : undefined }));
    });
    if (d.mark !== undefined && d.mark !== null) {
      const q = d.series[0], i = nearest(q.x, d.mark);
      svg.append(s('path', { class: 'marker', d: `M${X(d.mark)} ${head}V${base}` }), s('circle', { cx: X(q.x[i]), cy: Y(q.y[i]), r: 4, fill: TONES[0] }));
      if (d.markText) svg.append(s('text', { class: 'ink', x: X(d.mark) + (X(d.mark) > right - 70 ? -8 : 8), y: Math.max(head + 10, Y(q.y[i]) - 8), 'text-anchor': X(d.mark) > right - 70 ? 'end' : 'start' }, d.markText));
    }
    const cursor = s('path', { class: 'cursor', d: '' });
    svg.append(cursor);
    const ref = d.series.reduce((a, b) => (b.x.length > a.x.length ? b : a));
    const { words, go } = walkable(svg, ref.x.length, i => {
      cursor.setAttribute('d', `M${X(ref.x[i])} ${head}V${base}`);
      return `${d.xName ?? 'x'} ${num(ref.x[i])}: ` + d.series.filter(q => q.x.length).map(q => `${d.series.length > 1 ? q.name + ' ' : ''}${num(q.y[nearest(q.x, ref.x[i])])}`).join(' · ');
    });
    svg.addEventListener('pointermove', e => {
      const share = (e.offsetX - left) / (right - left);
      go(nearest(ref.x, d.logX ? x0 * (x1 / x0) ** share : x0 + (x1 - x0) * share));
    });
    svg.addEventListener('pointerleave', () => { cursor.setAttribute('d', ''); words.textContent = ''; });
    const legend = d.series.length > 1 ? h('div', { class: 'legend' }, d.series.map((q, k) => h('span', {}, h('i', { style: { background: TONES[k % TONES.length] } }), q.name))) : null;
    const table = () => ({ columns: ['line', d.xName ?? 'x', d.yName ?? 'y'], rows: d.series.flatMap(q => q.x.map((v, i) => [q.name, v, q.y[i]])) });
    this.replaceChildren(...[legend, svg, words, tools(this, svg, d.label ?? `${d.yName ?? 'y'} by ${d.xName ?? 'x'}`, table, this.getAttribute('arrow'))].filter(Boolean));
  }
}

/** Labels of a logarithmic axis: the values themselves where they are few, round numbers where they are many. */
function few(values, from, to) {
  return values.length <= 6 ? values : logTicks(from, to);
}

function logTicks(a, b) {
  const out = [];
  for (let e = Math.floor(Math.log10(a)); e <= Math.ceil(Math.log10(b)); e++) for (const m of [1, 2, 5]) { const v = m * 10 ** e; if (v >= a && v <= b) out.push(v); }
  return out.length > 5 ? out.filter(v => /^1/.test(v.toExponential())) : out.length ? out : [a, b];
}

/** Index of the value nearest to v in an ascending list. */
export function nearest(xs, v) {
  let lo = 0, hi = xs.length - 1;
  while (hi - lo > 1) { const m = (lo + hi) >> 1; if (xs[m] <= v) lo = m; else hi = m; }
  return Math.abs(xs[lo] - v) <= Math.abs(xs[hi] - v) ? lo : hi;
}

customElements.define('loupe-curve', Curve);
