import { num, s } from './core.js';

const LEFT = 62, HIGH = 26, GAP = 10, LINE = 58;

/** Boxes of what is pinned: a group is one box, any other pinned node its own. */
function boxes(d, index, view, name) {
  const at = new Map(), all = [];
  for (const g of view.groups ?? []) {
    const nodes = g.nodes.map(id => index.index.get(id)).filter(i => i !== undefined);
    if (!nodes.length) continue;
    nodes.forEach(i => at.set(i, all.length));
    all.push({ name: g.name, nodes, group: true });
  }
  for (const id of view.pinned ?? []) {
    const i = index.index.get(id);
    if (i === undefined || at.has(i)) continue;
    at.set(i, all.length);
    all.push({ name: name(d.nodes[i]), nodes: [i], group: false });
  }
  all.forEach(b => {
    const mean = f => b.nodes.reduce((sum, i) => sum + f(d.nodes[i]), 0) / b.nodes.length;
    b.row = Math.round(mean(n => n.row));
    b.position = mean(n => n.position);
    b.kind = b.group ? 'group' : d.nodes[b.nodes[0]].kind;
    b.influence = b.nodes.reduce((sum, i) => sum + d.nodes[i].influence, 0);
  });
  return { all, at };
}

/**
 * The pinned part of a graph as a picture with names: rows are layers, edges the sums of weights between boxes. Null if nothing
 * is pinned. The picture knows the ids of its nodes (`members`).
 */
export function pinnedPicture(d, index, view, room, { select, name }) {
  const { all, at } = boxes(d, index, view, name);
  if (!all.length) return null;
  const sums = new Map();
  d.weights.forEach((w, e) => {
    const a = at.get(d.from[e]), b = at.get(d.to[e]);
    if (a !== undefined && b !== undefined && a !== b) sums.set(`${a} ${b}`, (sums.get(`${a} ${b}`) ?? 0) + w);
  });
  const lines = packed(all, room);
  const height = (lines.length - 1) * LINE + HIGH + 26, width = room;
  lines.forEach((line, k) => line.boxes.forEach(b => { b.y = height - 8 - HIGH - k * LINE; }));
  const svg = s('svg', { width, height, viewBox: `0 0 ${width} ${height}`, role: 'group', 'aria-label': `Pinned part: ${all.length} boxes, ${sums.size} edges between them` });
  const most = Math.max(...[...sums.values()].map(Math.abs), 1e-12);
  [...sums].sort((x, y) => Math.abs(x[1]) - Math.abs(y[1])).forEach(([key, w]) => {
    const [a, b] = key.split(' ').map(k => all[k]);
    const up = a.y >= b.y, from = [a.x, up ? a.y : a.y + HIGH], to = [b.x, up ? b.y + HIGH : b.y], mid = (from[1] + to[1]) / 2, flat = a.y === b.y;
    const path = flat ? `M${a.x} ${a.y}C${a.x} ${a.y - 22} ${b.x} ${a.y - 22} ${b.x} ${b.y}` : `M${from[0]} ${from[1]}C${from[0]} ${mid} ${to[0]} ${mid} ${to[0]} ${to[1]}`;
    svg.append(s('path', { class: w >= 0 ? 'flow pos' : 'flow neg', d: path, 'stroke-width': (0.8 + 4 * Math.abs(w) / most).toFixed(2), 'stroke-opacity': (0.3 + 0.6 * Math.abs(w) / most).toFixed(2) }, s('title', {}, `${a.name} → ${b.name}: ${num(w, 3)}`)));
  });
  let last = null;
  lines.forEach(line => {
    if (line.row !== last) svg.append(s('text', { x: 2, y: line.boxes[0].y + 17 }, short(d.rows[line.row] ?? '', 10)));
    last = line.row;
  });
  all.forEach(b => {
    const first = d.nodes[b.nodes[0]], on = b.nodes.some(i => d.nodes[i].id === view.selected);
    const label = `${b.name}${b.group ? ` (${b.nodes.length} nodes)` : ''}, influence ${num(100 * b.influence, 3)} %`;
    const open = () => select(first.id);
    const g = s('g', { class: `box ${b.kind}${on ? ' on' : ''}`, tabindex: 0, role: 'button', 'aria-pressed': String(on), 'aria-label': label, onclick: open, onkeydown: e => { if (e.key === 'Enter' || e.key === ' ') { e.preventDefault(); e.stopPropagation(); open(); } } },
      s('rect', { x: b.x - b.width / 2, y: b.y, width: b.width, height: HIGH, rx: b.kind === 'embedding' || b.kind === 'logit' ? 2 : 7 }),
      s('text', { class: 'ink', x: b.x, y: b.y + 17, 'text-anchor': 'middle' }, short(b.name, Math.floor((b.width - 14) / 6.2))),
      s('title', {}, label));
    if (b.group) g.append(s('text', { x: b.x + b.width / 2 - 5, y: b.y - 3, 'text-anchor': 'end' }, `${b.nodes.length}`));
    svg.append(g);
  });
  svg.members = all.flatMap(b => b.nodes.map(i => d.nodes[i].id));
  return svg;
}

/** Lines of boxes from below: one row of the graph takes as many lines as its boxes need; none covers another. */
function packed(all, room) {
  const lines = [], rows = [...new Set(all.map(b => b.row))].sort((a, b) => a - b);
  // only positions that are used take room, in their order
  const used = [...new Set(all.map(b => b.position))].sort((a, b) => a - b), column = (room - LEFT) / used.length;
  for (const row of rows) {
    const mine = all.filter(b => b.row === row).sort((a, b) => a.position - b.position);
    mine.forEach(b => { b.width = Math.min(190, Math.max(46, 6.4 * b.name.length + 16), room - LEFT); });
    let line = null, taken = 0;
    for (const b of mine) {
      if (!line || taken + b.width + GAP > room - LEFT) { line = { row, boxes: [] }; lines.push(line); taken = 0; }
      line.boxes.push(b);
      taken += b.width + GAP;
    }
  }
  for (const line of lines) {
    let edge = LEFT;
    line.boxes.forEach(b => { b.x = Math.max(edge + b.width / 2, LEFT + (used.indexOf(b.position) + 0.5) * column); edge = b.x + b.width / 2 + GAP; });
    let limit = room - 2; // pushed back from the right
    [...line.boxes].reverse().forEach(b => { b.x = Math.min(b.x, limit - b.width / 2); limit = b.x - b.width / 2 - GAP; });
  }
  return lines;
}

function short(text, most) { return text.length > most ? text.slice(0, Math.max(1, most - 1)) + '…' : text; }
