import { LoupeElement, alone, h, num, shown } from './core.js';
import { indexed, layout, nearest, neighbour, visible } from './graphlayout.js';
import { pinnedPicture } from './graphpinned.js';
import { tools } from './tools.js';

const MOST_EDGES = 6000; // drawn at once; the strongest
const STEPS = { ArrowLeft: 1, ArrowRight: 1, ArrowUp: 1, ArrowDown: 1 };

/**
 * `{tokens, rows: [names from below], nodes: [{id, kind, row, position, text, label, influence, cumulative, value, sign, side}],
 * from, to, weights, shares, unit, label}`: a layered graph, layers by positions, and below it what is pinned. The property
 * `view` says how it is looked at: `{pinned, groups, labels, selected, influence, edges}`; both stay in the browser while the
 * other changes. Two canvases: edges and nodes once, what the pointer is over on top. Tells `select`, `pin` and `group`.
 */
class Graph extends LoupeElement {
  #view = {};
  #index = null;
  #indexOf = null;
  #place = null;
  #parts = null;
  #hover = -1;
  #cursor = -1;
  #held = null; // nodes collected while g is held
  #theme = new MutationObserver(() => this.redraw());
  #scheme = matchMedia('(prefers-color-scheme: dark)');
  #repaint = () => this.redraw();
  #keyDown = e => {
    if (e.key === 'g' && !e.repeat && !e.ctrlKey && !e.metaKey && !e.altKey && !/^(INPUT|TEXTAREA|SELECT)$/.test(e.target.tagName)) this.#held = [];
    if (e.key === 'Escape') this.#held = null;
  };
  #keyUp = e => {
    if (e.key !== 'g' || !this.#held) return;
    const ids = this.#held;
    this.#held = null;
    if (ids.length) this.tell('group', { ids: JSON.stringify(ids) });
  };

  get scaled() { return true; }
  get view() { return this.#view; }
  set view(v) { this.#view = (typeof v === 'string' ? JSON.parse(v) : v) ?? {}; this.redraw(); }

  connectedCallback() {
    if (Object.hasOwn(this, 'view')) { const v = this.view; delete this.view; this.view = v; }
    super.connectedCallback();
    this.#theme.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] });
    this.#scheme.addEventListener('change', this.#repaint);
    window.addEventListener('keydown', this.#keyDown);
    window.addEventListener('keyup', this.#keyUp);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#theme.disconnect();
    this.#scheme.removeEventListener('change', this.#repaint);
    window.removeEventListener('keydown', this.#keyDown);
    window.removeEventListener('keyup', this.#keyUp);
  }

  draw(d) {
    const began = performance.now();
    if (this.#indexOf !== d) { this.#index = indexed(d); this.#indexOf = d; this.#hover = -1; this.#cursor = -1; }
    const shows = visible(d, this.#view);
    this.#place = layout(d, shows, this.room - 2);
    this.#build();
    this.#base();
    this.#over();
    const pinned = pinnedPicture(d, this.#index, this.#view, this.room - 2, {
      select: id => this.#choose(this.#index.index.get(id), false),
      name: n => this.#name(n),
    });
    this.#parts.pinned.replaceChildren(...(pinned ? [pinned, tools(this.#parts.pinned, pinned, 'pinned part', () => this.#table(new Set(pinned.members)), null)] : []));
    const visibleCount = shows.filter(Boolean).length;
    this.#parts.count.textContent = `${visibleCount} of ${d.nodes.length} nodes, ${this.drawn} of ${d.weights.length} edges`;
    this.lastDraw = performance.now() - began;
  }

  #build() {
    const { width, height } = this.#place;
    if (!this.#parts) {
      const base = h('canvas', { 'aria-hidden': 'true' }), over = h('canvas', { class: 'over', 'aria-hidden': 'true' });
      const words = h('div', { class: 'readout faint', 'aria-live': 'polite' }), count = h('div', { class: 'faint count' }), pinned = h('div', { class: 'pinned' });
      const stage = h('div', { class: 'stage', tabindex: 0, role: 'application', 'aria-roledescription': 'graph' }, base, over);
      const scroll = h('div', { class: 'scroll' }, stage);
      stage.addEventListener('pointermove', e => this.#point(nearest(this.#place, ...this.#at(e))));
      stage.addEventListener('pointerleave', () => this.#point(-1));
      stage.addEventListener('click', e => this.#choose(nearest(this.#place, ...this.#at(e)), e.ctrlKey || e.metaKey));
      stage.addEventListener('dblclick', e => this.#choose(nearest(this.#place, ...this.#at(e)), true));
      stage.addEventListener('keydown', e => this.#key(e));
      this.#parts = { base, over, stage, words, count, pinned, scroll };
      this.replaceChildren(scroll, h('div', { class: 'line base under' }, words, count), tools(this, null, this.data.label ?? 'graph', () => this.#table(null), this.getAttribute('arrow')), pinned);
    }
    this.#parts.stage.setAttribute('aria-label', `${this.data.label ?? 'Graph'}: ${this.data.nodes.length} nodes and ${this.data.weights.length} edges. Arrow keys walk, Enter chooses, p pins; the nodes are also a table below.`);
    const scale = window.devicePixelRatio || 1;
    for (const c of [this.#parts.base, this.#parts.over]) {
      if (c.width !== Math.round(width * scale) || c.height !== Math.round(height * scale)) {
        c.width = Math.round(width * scale);
        c.height = Math.round(height * scale);
        c.style.width = `${width}px`;
        c.style.height = `${height}px`;
      }
    }
    this.#parts.stage.style.width = `${width}px`;
    this.#parts.stage.style.height = `${height}px`;
  }

  /** Where a node stands on the canvas, in CSS pixels. */
  placeOf(id) { const i = this.#index.index.get(id); return [this.#place.x[i], this.#place.y[i]]; }

  #at(e) { const box = this.#parts.base.getBoundingClientRect(); return [e.clientX - box.left, e.clientY - box.top]; }

  #pen(canvas) {
    const pen = canvas.getContext('2d'), scale = window.devicePixelRatio || 1;
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, canvas.width, canvas.height);
    return pen;
  }

  /** The colours of the style sheet, as they are now. */
  #paint() {
    const style = getComputedStyle(this), of = n => style.getPropertyValue(`--${n}`).trim();
    return { paper: of('paper'), ink: of('ink'), soft: of('soft'), faint: of('faint'), edge: of('edge'), hover: of('hover'), accent: of('accent'), violet: of('violet'), good: of('good'), tone: (name, a) => `rgb(${of(name)} / ${a})`, font: style.fontFamily };
  }

  #base() {
    const d = this.data, p = this.#place, c = this.#paint(), pen = this.#pen(this.#parts.base);
    pen.font = `11px ${c.font}`;
    pen.textBaseline = 'middle';
    d.rows.forEach((name, r) => {
      const row = p.rows[r];
      pen.fillStyle = c.edge;
      pen.fillRect(0, row.y + row.height - 0.5, p.width, 1);
      pen.fillStyle = c.faint;
      pen.textAlign = 'left';
      pen.fillText(fit(pen, shown(name), p.left - 8), 2, row.y + row.height / 2);
    });
    pen.textAlign = 'center';
    pen.fillStyle = c.soft;
    d.tokens.forEach((t, k) => pen.fillText(fit(pen, alone(t), p.columns[k].width - 4), p.columns[k].x + p.columns[k].width / 2, p.height - 13));
    const chosen = this.#index.index.get(this.#view.selected) ?? -1, quiet = chosen >= 0 ? 0.35 : 1;
    let drawn = 0;
    for (const e of this.#index.order) {
      if (drawn >= MOST_EDGES || this.#index.cumulative[e] > (this.#view.edges ?? 1) + 1e-9) break;
      if (Number.isNaN(p.x[d.from[e]]) || Number.isNaN(p.x[d.to[e]])) continue;
      drawn++;
      this.#edge(pen, e, c.tone(d.weights[e] >= 0 ? 'pos' : 'neg', quiet * (0.06 + 0.5 * Math.sqrt(this.#size(e)))), 0.4 + 2 * this.#size(e));
    }
    this.drawn = drawn;
    const pinned = new Set([...(this.#view.pinned ?? []), ...(this.#view.groups ?? []).flatMap(g => g.nodes)]);
    const toChosen = new Map();
    if (chosen >= 0) {
      this.#index.ins[chosen].forEach(e => toChosen.set(d.from[e], d.weights[e]));
      this.#index.outs[chosen].forEach(e => toChosen.set(d.to[e], d.weights[e]));
    }
    const most = Math.max(...[...toChosen.values()].map(Math.abs), 1e-12), top = d.nodes.reduce((m, n) => Math.max(m, n.kind === 'logit' ? 0 : n.influence), 1e-12);
    d.nodes.forEach((n, i) => {
      if (Number.isNaN(p.x[i])) return;
      const w = toChosen.get(i);
      const strength = 0.25 + 0.75 * Math.sqrt(Math.min(1, n.influence / top));
      const fill = w !== undefined ? c.tone(w >= 0 ? 'pos' : 'neg', 0.25 + 0.75 * Math.abs(w) / most)
        : n.side === 'a' ? c.violet : n.side === 'b' ? c.good
          : n.sign ? c.tone(n.sign > 0 ? 'pos' : 'neg', strength) : mix(c.soft, strength * (chosen >= 0 && i !== chosen ? 0.5 : 1));
      shape(pen, n.kind, p.x[i], p.y[i], p.r);
      pen.fillStyle = c.paper;
      pen.fill();
      pen.fillStyle = fill;
      pen.fill();
      if (pinned.has(n.id)) { pen.lineWidth = 2; pen.strokeStyle = c.accent; pen.stroke(); }
      if (i === chosen) { shape(pen, n.kind, p.x[i], p.y[i], p.r + 3); pen.lineWidth = 2; pen.strokeStyle = c.ink; pen.stroke(); }
      if (n.kind === 'logit') {
        pen.fillStyle = c.ink;
        pen.textAlign = 'center';
        pen.fillText(fit(pen, this.#name(n), p.each - 6), p.x[i], p.y[i] + 17);
      }
    });
  }

  #size(e) { return Math.min(1, Math.abs(this.data.weights[e]) / (this.#index.largest || 1)); }

  #edge(pen, e, colour, width) {
    const p = this.#place, a = this.data.from[e], b = this.data.to[e], mid = (p.y[a] + p.y[b]) / 2;
    pen.beginPath();
    pen.moveTo(p.x[a], p.y[a]);
    pen.bezierCurveTo(p.x[a], mid, p.x[b], mid, p.x[b], p.y[b]);
    pen.strokeStyle = colour;
    pen.lineWidth = width;
    pen.stroke();
  }

  /** What the pointer or the keyboard is at, with its own edges, on the upper canvas: nothing below is drawn anew. */
  #over() {
    const began = performance.now(), pen = this.#pen(this.#parts.over), d = this.data, p = this.#place, c = this.#paint();
    const chosen = this.#index.index.get(this.#view.selected) ?? -1;
    const ends = [chosen, this.#hover].filter((i, k, all) => i >= 0 && all.indexOf(i) === k && !Number.isNaN(p.x[i]));
    for (const i of ends) {
      const list = [...this.#index.ins[i], ...this.#index.outs[i]].filter(e => !Number.isNaN(p.x[d.from[e]]) && !Number.isNaN(p.x[d.to[e]]));
      const most = list.reduce((m, e) => Math.max(m, Math.abs(d.weights[e])), 1e-12);
      list.slice(0, 400).forEach(e => this.#edge(pen, e, c.tone(d.weights[e] >= 0 ? 'pos' : 'neg', 0.25 + 0.7 * Math.abs(d.weights[e]) / most), 0.8 + 2.4 * Math.abs(d.weights[e]) / most));
    }
    const marked = [this.#hover, ...(this.#held ?? []).map(id => this.#index.index.get(id))];
    marked.forEach(i => {
      if (i === undefined || i < 0 || Number.isNaN(p.x[i])) return;
      shape(pen, d.nodes[i].kind, p.x[i], p.y[i], p.r + 3);
      pen.lineWidth = 2;
      pen.strokeStyle = c.accent;
      pen.stroke();
    });
    this.lastHover = performance.now() - began;
  }

  #point(i) {
    if (i === this.#hover) return;
    this.#hover = i;
    this.#parts.stage.style.cursor = i >= 0 ? 'pointer' : '';
    this.#over();
    if (i >= 0) this.#parts.words.textContent = this.#say(i);
  }

  #choose(i, pin) {
    if (i === undefined || i < 0) { this.tell('choose', { id: '' }); return; }
    const id = this.data.nodes[i].id;
    this.#cursor = i;
    if (this.#held) { if (!this.#held.includes(id)) this.#held.push(id); this.#over(); } else this.tell(pin ? 'pin' : 'choose', { id });
  }

  #key(e) {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    if (STEPS[e.key]) {
      this.#cursor = neighbour(this.data, this.#place, this.#cursor, e.key);
      this.#point(this.#cursor);
      if (this.#cursor >= 0) {
        const scroll = this.#parts.scroll, x = this.#place.x[this.#cursor];
        if (x < scroll.scrollLeft + 20 || x > scroll.scrollLeft + scroll.clientWidth - 20) scroll.scrollLeft = x - scroll.clientWidth / 2;
      }
    } else if (e.key === 'Enter' || e.key === ' ') this.#choose(this.#cursor, false);
    else if (e.key === 'p') this.#choose(this.#cursor, true);
    else if (e.key === 'Escape') this.#choose(-1, false);
    else return;
    e.preventDefault();
    e.stopPropagation();
  }

  #name(n) { const own = this.#view.labels?.[n.id]; return shown(own || n.label || n.text); }

  #where(n) {
    const row = shown(this.data.rows[n.row] ?? '');
    return n.kind === 'logit' ? row : `${row}, position ${n.position} ${alone(this.data.tokens[n.position] ?? '')}`;
  }

  #say(i) {
    const d = this.data, n = d.nodes[i], strongest = (list, end) => (list.length ? `${this.#name(d.nodes[end[list[0]]])} ${num(d.weights[list[0]], 3)}` : '');
    const from = strongest(this.#index.ins[i], d.from), to = strongest(this.#index.outs[i], d.to);
    return `${this.#name(n)} · ${this.#where(n)} · ${d.valueName ?? 'value'} ${num(n.value, 3)} · influence ${num(100 * n.influence, 3)} %${from ? ` · most from ${from}` : ''}${to ? ` · most to ${to}` : ''}`;
  }

  #table(only) {
    const d = this.data, shows = visible(d, this.#view);
    const rows = d.nodes.map((n, i) => [n, i]).filter(([n, i]) => (only ? only.has(n.id) : shows[i])).sort((a, b) => b[0].influence - a[0].influence);
    return { columns: ['node', 'name', 'kind', 'layer', 'position', 'token', d.valueName ?? 'value', 'influence', 'edges in', 'edges out'], rows: rows.map(([n, i]) => [n.id, this.#name(n), n.kind, d.rows[n.row], n.position, d.tokens[n.position] ?? '', n.value, n.influence, this.#index.ins[i].length, this.#index.outs[i].length]) };
  }
}

function shape(pen, kind, x, y, r) {
  pen.beginPath();
  if (kind === 'error') { pen.moveTo(x, y - r - 1); pen.lineTo(x + r + 1, y); pen.lineTo(x, y + r + 1); pen.lineTo(x - r - 1, y); pen.closePath(); } else if (kind === 'embedding' || kind === 'logit') pen.rect(x - r, y - r, 2 * r, 2 * r);
  else pen.arc(x, y, r, 0, 7);
}

/** A colour of the style sheet (#rrggbb) with an opacity. */
function mix(colour, share) {
  const [r, g, b] = [1, 3, 5].map(k => parseInt(colour.slice(k, k + 2), 16));
  return `rgb(${r} ${g} ${b} / ${share.toFixed(3)})`;
}

/** A text cut to a width. */
function fit(pen, text, room) {
  if (pen.measureText(text).width <= room) return text;
  let n = text.length;
  while (n > 1 && pen.measureText(text.slice(0, n) + '…').width > room) n--;
  return n > 1 || room > 14 ? text.slice(0, n) + '…' : '';
}

customElements.define('loupe-graph', Graph);
