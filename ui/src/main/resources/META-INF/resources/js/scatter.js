import { LoupeElement, num, s, ticks, walkable } from './core.js';
import { tools } from './tools.js';

/**
 * `{x, y, names, hrefs, xName, yName, from, to, threshold, square, diagonal, height, label}`: points; those with both values
 * at or above `threshold` take the accent. Arrow keys walk the points from the largest x down, Enter opens one.
 */
class Scatter extends LoupeElement {
  get scaled() { return true; }

  threshold(value) {
    if (!this.data) return;
    this.data.threshold = value;
    this.redraw();
  }

  draw(d) {
    const n = d.x.length, W = this.room, H = d.height ?? Math.round(Math.min(420, W * 0.68)), left = 44, right = W - 10, head = 22, base = H - 30;
    const flat = d.x.concat(d.y);
    const x0 = d.from ?? Math.min(...d.x), x1 = d.to ?? Math.max(...d.x);
    const y0 = d.from ?? Math.min(...d.y), y1 = d.to ?? Math.max(...d.y);
    const [lx, hx, ly, hy] = d.diagonal ? [Math.min(...flat, 0), Math.max(...flat), Math.min(...flat, 0), Math.max(...flat)] : [x0, x1, y0, y1];
    const X = v => left + (right - left) * (v - lx) / (hx - lx || 1), Y = v => base - (base - head) * (v - ly) / (hy - ly || 1);
    const both = i => d.threshold !== undefined && d.threshold !== null && d.x[i] >= d.threshold && d.y[i] >= d.threshold;
    const inside = d.x.filter((_, i) => both(i)).length;
    const svg = s('svg', { width: W, height: H, viewBox: `0 0 ${W} ${H}`, role: 'img', 'aria-label': `${d.label ?? 'Scatter plot'}: ${n} points of ${d.yName} against ${d.xName}` + (d.threshold !== undefined && d.threshold !== null ? `, ${inside} with both at least ${num(d.threshold)}` : '') });
    ticks(lx, hx, 5).forEach(t => svg.append(s('path', { class: 'grid', d: `M${X(t)} ${head}V${base}` }), s('text', { x: X(t), y: H - 12, 'text-anchor': 'middle' }, num(t))));
    ticks(ly, hy, 5).forEach(t => svg.append(s('path', { class: 'grid', d: `M${left} ${Y(t)}H${right}` }), s('text', { x: left - 6, y: Y(t) + 4, 'text-anchor': 'end' }, num(t))));
    if (d.threshold !== undefined && d.threshold !== null) svg.append(s('rect', { class: 'shade', x: X(d.threshold), y: Y(hy), width: X(hx) - X(d.threshold), height: Y(d.threshold) - Y(hy) }));
    if (d.diagonal) svg.append(s('path', { class: 'diag', d: `M${X(lx)} ${Y(lx)}L${X(hx)} ${Y(hx)}` }));
    // two paths of zero-length strokes: thousands of points cost two nodes
    let a = '', b = '';
    for (let i = 0; i < n; i++) { const p = `M${X(d.x[i]).toFixed(1)} ${Y(d.y[i]).toFixed(1)}h0`; if (both(i) || d.threshold === undefined || d.threshold === null) a += p; else b += p; }
    svg.append(s('path', { class: 'dots other', d: b }), s('path', { class: 'dots', d: a }));
    svg.append(s('text', { class: 'ink', x: right - 4, y: base - 6, 'text-anchor': 'end' }, d.xName), s('text', { class: 'ink', x: left, y: 12 }, d.yName));
    const ring = s('circle', { class: 'ring', r: 6, cx: -20, cy: -20 });
    svg.append(ring);
    const order = [...d.x.keys()].sort((i, k) => d.x[k] - d.x[i]);
    const rank = new Map(order.map((i, r) => [i, r]));
    const open = r => { const href = d.hrefs?.[order[r]]; if (href) this.tell('open', { href, index: order[r] }); };
    const { words, go } = walkable(svg, n, r => {
      const i = order[r];
      ring.setAttribute('cx', X(d.x[i]));
      ring.setAttribute('cy', Y(d.y[i]));
      hover(i);
      return `${d.names?.[i] ?? i}: ${d.xName} ${num(d.x[i])} · ${d.yName} ${num(d.y[i])}`;
    }, open);
    let hit = -1, wait = 0;
    const hover = i => { clearTimeout(wait); wait = setTimeout(() => this.tell('hover', { index: i }), 120); };
    svg.addEventListener('pointermove', e => {
      let best = 400, at = -1;
      for (let i = 0; i < n; i++) { const q = (X(d.x[i]) - e.offsetX) ** 2 + (Y(d.y[i]) - e.offsetY) ** 2; if (q < best) { best = q; at = i; } }
      hit = at;
      svg.style.cursor = at >= 0 && d.hrefs ? 'pointer' : '';
      if (at >= 0) go(rank.get(at));
    });
    svg.addEventListener('click', () => { if (hit >= 0) open(rank.get(hit)); });
    const table = () => ({ columns: ['point', d.xName, d.yName], rows: d.x.map((v, i) => [d.names?.[i] ?? i, v, d.y[i]]) });
    this.replaceChildren(svg, words, tools(this, svg, d.label ?? `${d.yName} against ${d.xName}`, table));
  }
}

customElements.define('loupe-scatter', Scatter);
