import { LoupeElement, h, num, s, ticks, walkable } from './core.js';
import { linked, point } from './link.js';
import { tools } from './tools.js';

const TONES = ['var(--soft)', 'var(--accent)', 'rgb(var(--act))', 'rgb(var(--pos))', 'var(--good)', 'rgb(var(--neg))', 'var(--violet)', 'var(--ink)'];

/**
 * `{x, y, names, hrefs, openable, xName, yName, from, to, threshold, diagonal, logX, logY, bare, groups, groupNames, line, height, label}`:
 * points. With `groups`, each takes its group's colour; else those with both values at or above `threshold` take the accent.
 * `bare`: no axes (a map). `line`: points joined by a line. Arrow keys walk the points from the largest x down, Enter opens one.
 * The attribute `arrow` is where the same points are as an Arrow file; the property `cells` names the cell of each point.
 */
class Scatter extends LoupeElement {
  #ring = null;
  #link = linked(c => this.#ring?.(c));

  get scaled() { return true; }

  connectedCallback() { super.connectedCallback(); this.#link.join(); }
  disconnectedCallback() { super.disconnectedCallback(); this.#link.leave(); }

  threshold(value) {
    if (!this.data) return;
    this.data.threshold = value;
    this.redraw();
  }

  draw(d) {
    const fx = d.logX ? Math.log10 : v => v, fy = d.logY ? Math.log10 : v => v;
    const shows = i => Number.isFinite(fx(d.x[i])) && Number.isFinite(fy(d.y[i]));
    const all = [...d.x.keys()].filter(shows), n = all.length;
    if (!n) { this.replaceChildren(h('div', { class: 'faint' }, d.empty ?? 'No points.')); return; }
    const W = this.room, H = d.height ?? Math.round(Math.min(420, W * 0.68));
    const left = d.bare ? 8 : 44, right = W - 10, head = d.bare ? 8 : 22, base = d.bare ? H - 8 : H - 30;
    const span = (values, f) => values.reduce(([a, b], v) => [Math.min(a, f(v)), Math.max(b, f(v))], [Infinity, -Infinity]);
    const xs = span(all.map(i => d.x[i]), fx), ys = span(all.map(i => d.y[i]), fy);
    let [lx, hx, ly, hy] = d.diagonal ? [Math.min(xs[0], ys[0], 0), Math.max(xs[1], ys[1]), Math.min(xs[0], ys[0], 0), Math.max(xs[1], ys[1])]
      : [d.from ?? xs[0], d.to ?? xs[1], d.from ?? ys[0], d.to ?? ys[1]];
    if (d.from === undefined && !d.diagonal) { const px = (hx - lx || 1) * 0.03, py = (hy - ly || 1) * 0.05; lx -= px; hx += px; ly -= py; hy += py; }
    if (d.bare) { // one scale for both directions
      const scale = Math.min((right - left) / (hx - lx), (base - head) / (hy - ly)), ex = ((right - left) / scale - (hx - lx)) / 2, ey = ((base - head) / scale - (hy - ly)) / 2;
      lx -= ex; hx += ex; ly -= ey; hy += ey;
    }
    const X = v => left + (right - left) * (fx(v) - lx) / (hx - lx || 1), Y = v => base - (base - head) * (fy(v) - ly) / (hy - ly || 1);
    const limit = d.threshold ?? null;
    const both = i => limit !== null && d.x[i] >= limit && d.y[i] >= limit;
    const inside = all.filter(both).length;
    const svg = s('svg', { width: W, height: H, viewBox: `0 0 ${W} ${H}`, role: 'img', 'aria-label': `${d.label ?? 'Scatter plot'}: ${n} points of ${d.yName} against ${d.xName}` + (limit !== null ? `, ${inside} with both at least ${num(limit)}` : '') });
    if (!d.bare) {
      axis(lx, hx, d.logX, 5).forEach(([v, t]) => svg.append(s('path', { class: 'grid', d: `M${X(v)} ${head}V${base}` }), s('text', { x: X(v), y: H - 12, 'text-anchor': 'middle' }, t)));
      axis(ly, hy, d.logY, 5).forEach(([v, t]) => svg.append(s('path', { class: 'grid', d: `M${left} ${Y(v)}H${right}` }), s('text', { x: left - 6, y: Y(v) + 4, 'text-anchor': 'end' }, t)));
    }
    if (limit !== null) svg.append(s('rect', { class: 'shade', x: X(limit), y: head, width: right - X(limit), height: Y(limit) - head }));
    if (d.diagonal) svg.append(s('path', { class: 'diag', d: `M${X(lx)} ${Y(lx)}L${X(hx)} ${Y(hx)}` }));
    if (d.line) svg.append(s('path', { class: 'diag', d: d.line.map((i, k) => `${k ? 'L' : 'M'}${X(d.x[i]).toFixed(1)} ${Y(d.y[i]).toFixed(1)}`).join('') }));
    // a path of zero-length strokes for each colour: thousands of points cost a few nodes
    const paths = d.groups ? d.groupNames.map(() => '') : ['', ''];
    all.forEach(i => { paths[d.groups ? d.groups[i] : limit === null || both(i) ? 1 : 0] += `M${X(d.x[i]).toFixed(1)} ${Y(d.y[i]).toFixed(1)}h0`; });
    const width = n > 20000 ? 2.2 : n > 5000 ? 3 : n < 60 ? 8 : 4.6;
    paths.forEach((p, k) => { if (p) svg.append(s('path', { class: d.groups ? 'dots' : k ? 'dots' : 'dots other', d: p, style: { 'stroke-width': width, ...(d.groups ? { stroke: TONES[k % TONES.length], 'stroke-opacity': n < 60 ? 0.9 : 0.6 } : {}) } })); });
    if (!d.bare) svg.append(s('text', { class: 'ink', x: right - 4, y: base - 6, 'text-anchor': 'end' }, d.xName), s('text', { class: 'ink', x: left, y: 12 }, d.yName));
    const named = []; // names of few points, beside or above them, where they cover neither each other nor a point
    if (n < 30 && d.groups) all.forEach(i => {
      const x = X(d.x[i]), y = Y(d.y[i]), wide = 7 * d.names[i].length;
      const sides = [[x + 9, y + 4, 'start', x + 9], [x - 9, y + 4, 'end', x - 9 - wide], [x, y - 9, 'middle', x - wide / 2]];
      const free = ([, ty, , from]) => from > left - 40 && from + wide < right + 4 && !named.some(([a, b, c]) => Math.abs(b - ty) < 13 && a < from + wide && from < a + c);
      const bare = ([, ty, , from]) => !all.some(k => k !== i && Math.abs(Y(d.y[k]) - ty + 4) < 9 && X(d.x[k]) > from - 5 && X(d.x[k]) < from + wide + 5 && (X(d.x[k]) !== x || Y(d.y[k]) !== y));
      const side = sides.find(o => free(o) && bare(o)) ?? sides.find(free);
      if (!side) return;
      named.push([side[3], side[1], wide]);
      svg.append(s('text', { class: 'pname', x: side[0], y: side[1], 'text-anchor': side[2] }, d.names[i]));
    });
    const ring = s('circle', { class: 'ring', r: 6, cx: -20, cy: -20 });
    svg.append(ring);
    const order = all.slice().sort((i, k) => d.x[k] - d.x[i]);
    const rank = new Map(order.map((i, r) => [i, r]));
    const open = r => { if (d.hrefs || d.openable) this.tell('open', { href: d.hrefs?.[order[r]], index: order[r] }); };
    const { words, go } = walkable(svg, n, r => {
      const i = order[r];
      ring.setAttribute('cx', X(d.x[i]));
      ring.setAttribute('cy', Y(d.y[i]));
      hover(i);
      return `${d.names?.[i] ?? i}${d.groups && d.groupNames[d.groups[i]] ? ` (${d.groupNames[d.groups[i]]})` : ''}${d.bare ? '' : `: ${d.xName} ${num(d.x[i])} · ${d.yName} ${num(d.y[i])}`}`;
    }, open);
    let hit = -1, wait = 0;
    // where points are cells of heat maps (the property `cells`), each side marks what the other points at
    this.#ring = c => {
      const i = c === null ? -1 : (this.cells ?? []).findIndex(k => k.site === c.site && k.layer === c.layer && k.column === c.column && k.kind === c.kind);
      if (c !== null && i < 0) return;
      ring.setAttribute('cx', i < 0 ? -20 : X(d.x[i]));
      ring.setAttribute('cy', i < 0 ? -20 : Y(d.y[i]));
    };
    const hover = i => { if (this.cells?.[i]) point(this.cells[i]); clearTimeout(wait); wait = setTimeout(() => this.tell('hover', { index: i }), 120); };
    svg.addEventListener('pointermove', e => {
      let best = 400, at = -1;
      for (const i of all) { const q = (X(d.x[i]) - e.offsetX) ** 2 + (Y(d.y[i]) - e.offsetY) ** 2; if (q < best) { best = q; at = i; } }
      hit = at;
      svg.style.cursor = at >= 0 && (d.hrefs || d.openable) ? 'pointer' : '';
      if (at >= 0) go(rank.get(at));
    });
    svg.addEventListener('click', () => { if (hit >= 0) open(rank.get(hit)); });
    const table = () => ({ columns: ['point', d.xName, d.yName, ...(d.groups ? ['group'] : [])], rows: all.map(i => [d.names?.[i] ?? i, d.x[i], d.y[i], ...(d.groups ? [d.groupNames[d.groups[i]]] : [])]) });
    const legend = d.groups && d.groupNames.length > 1 ? h('div', { class: 'legend' }, d.groupNames.map((g, k) => (paths[k] ? h('span', {}, h('i', { class: 'dot', style: { background: TONES[k % TONES.length] } }), g) : null))) : null;
    this.replaceChildren(...[legend, svg, words, tools(this, svg, d.label ?? `${d.yName} against ${d.xName}`, table, this.getAttribute('arrow'))].filter(Boolean));
  }
}

/** Values and texts of an axis between two ends, which are logarithms if it is logarithmic. */
function axis(lo, hi, log, count) {
  if (!log) return ticks(lo, hi, count).map(v => [v, num(v)]);
  const out = [];
  for (let e = Math.ceil(lo); e <= hi; e++) out.push([10 ** e, e >= -3 && e <= 4 ? num(10 ** e) : `10${[...String(e)].map(c => '⁰¹²³⁴⁵⁶⁷⁸⁹'[c] ?? '⁻').join('')}`]);
  return out.length ? out : ticks(lo, hi, 3).map(t => [10 ** t, num(10 ** t, 2)]);
}

customElements.define('loupe-scatter', Scatter);
