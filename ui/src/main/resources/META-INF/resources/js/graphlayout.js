// Where the nodes of a layered graph stand: rows are layers from below, columns positions. No drawing here.

const LEFT = 62, RIGHT = 14, LEAST_COLUMN = 26, HEAD = 10, AXIS = 26;

/** What never changes while one graph is shown: ids, incoming and outgoing edges, and how much each edge matters. */
export function indexed(d) {
  const index = new Map(d.nodes.map((n, i) => [n.id, i]));
  const ins = d.nodes.map(() => []), outs = d.nodes.map(() => []), sums = new Float64Array(d.nodes.length);
  d.weights.forEach((w, e) => { ins[d.to[e]].push(e); outs[d.from[e]].push(e); sums[d.to[e]] += Math.abs(w); });
  // an edge matters as its target does, by its share of what comes in (attribution graphs), or by its size (effects)
  const score = d.weights.map((w, e) => (d.shares ? Math.abs(w) / (sums[d.to[e]] || 1) * d.nodes[d.to[e]].influence : Math.abs(w)));
  const order = [...score.keys()].sort((a, b) => score[b] - score[a]);
  let all = 0;
  order.forEach(e => { all += score[e]; });
  const cumulative = new Float64Array(order.length);
  let before = 0;
  order.forEach(e => { before += score[e]; cumulative[e] = all ? before / all : 1; });
  ins.forEach(list => list.sort((a, b) => Math.abs(d.weights[b]) - Math.abs(d.weights[a])));
  outs.forEach(list => list.sort((a, b) => Math.abs(d.weights[b]) - Math.abs(d.weights[a])));
  return { index, ins, outs, order, cumulative, largest: d.weights.reduce((m, w) => Math.max(m, Math.abs(w)), 0) };
}

/** Nodes that are shown: those within the share of influence, the ends of the graph, and whatever somebody chose. */
export function visible(d, view) {
  const chosen = new Set([...(view.pinned ?? []), ...(view.groups ?? []).flatMap(g => g.nodes), view.selected]);
  return d.nodes.map(n => n.kind === 'embedding' || n.kind === 'logit' || n.cumulative <= (view.influence ?? 1) + 1e-9 || chosen.has(n.id));
}

/**
 * Places nodes for a width. A column is as wide and a row as high as its fullest cell needs; logits stand side by side, so that
 * their tokens can be read. Answers `{x, y, r, rows: [{y, height}], columns: [{x, width}], width, height, left, each}`;
 * coordinates of hidden nodes are NaN.
 */
export function layout(d, shows, room) {
  const n = d.nodes.length, columns = Math.max(1, d.tokens.length);
  const cells = new Map(), x = new Float32Array(n).fill(NaN), y = new Float32Array(n).fill(NaN);
  const logits = [];
  d.nodes.forEach((node, i) => {
    if (!shows[i]) return;
    if (node.kind === 'logit') { logits.push(i); return; }
    const key = node.row * columns + Math.min(columns - 1, Math.max(0, node.position));
    if (!cells.has(key)) cells.set(key, []);
    cells.get(key).push(i);
  });
  let fullest = 0;
  cells.forEach(c => { fullest = Math.max(fullest, c.length); });
  const r = fullest > 60 ? 3 : fullest > 24 ? 3.5 : fullest > 8 ? 4.5 : 5.5, step = 2 * r + 3;
  // a column has room for its fullest cell as a square; what is left over goes to all by the same measure
  const wants = new Array(columns).fill(1);
  cells.forEach((c, key) => { wants[key % columns] = Math.max(wants[key % columns], Math.sqrt(c.length)); });
  const least = wants.map(w => Math.max(LEAST_COLUMN, Math.min(9, Math.ceil(w)) * step + 8));
  const free = Math.max(0, room - LEFT - RIGHT - least.reduce((a, b) => a + b, 0)), all = wants.reduce((a, b) => a + b, 0);
  const places = [];
  let edge = LEFT;
  wants.forEach((w, at) => { const wide = least[at] + free * w / all; places.push({ x: edge, width: wide, per: Math.max(1, Math.floor((wide - 8) / step)) }); edge += wide; });
  const width = Math.round(edge + RIGHT);
  const lines = new Array(d.rows.length).fill(1);
  cells.forEach((c, key) => { const row = Math.floor(key / columns); lines[row] = Math.max(lines[row], Math.ceil(c.length / places[key % columns].per)); });
  const heights = d.rows.map((_, row) => Math.max(34, lines[row] * step + 16));
  if (logits.length) heights[d.rows.length - 1] = Math.max(heights[d.rows.length - 1], 46);
  const height = HEAD + heights.reduce((a, b) => a + b, 0) + AXIS;
  const rows = [];
  let bottom = height - AXIS;
  heights.forEach(hh => { bottom -= hh; rows.push({ y: bottom, height: hh }); });
  cells.forEach((c, key) => {
    const row = Math.floor(key / columns), at = key % columns;
    c.sort((a, b) => d.nodes[b].influence - d.nodes[a].influence || a - b);
    const per = places[at].per, used = Math.ceil(c.length / per), top = rows[row].y + rows[row].height / 2 - (used - 1) * step / 2;
    c.forEach((i, k) => {
      const line = Math.floor(k / per), inLine = line === used - 1 ? c.length - line * per : per;
      x[i] = places[at].x + places[at].width / 2 + (k % per - (inLine - 1) / 2) * step;
      y[i] = top + line * step;
    });
  });
  logits.sort((a, b) => d.nodes[a].influence - d.nodes[b].influence);
  const each = Math.min(96, (width - LEFT - RIGHT) / Math.max(1, logits.length));
  logits.forEach((i, k) => {
    x[i] = width - RIGHT - each * (logits.length - k - 0.5);
    y[i] = rows[d.rows.length - 1].y + 14;
  });
  return { x, y, r, rows, columns: places, width, height, left: LEFT, each };
}

/** The nearest shown node to a point, at most `most` pixels away; -1 for none. Looks only into the row's own nodes. */
export function nearest(place, px, py, most = 12) {
  let best = most * most, at = -1;
  for (let i = 0; i < place.x.length; i++) {
    const dy = place.y[i] - py;
    if (!(dy > -most && dy < most)) continue;
    const dx = place.x[i] - px, q = dx * dx + dy * dy;
    if (q < best) { best = q; at = i; }
  }
  return at;
}

/** The next node from one by an arrow key: along a row, or to the row above or below where nodes are. */
export function neighbour(d, place, from, key) {
  const shown = [...place.x.keys()].filter(i => !Number.isNaN(place.x[i]));
  if (from < 0 || Number.isNaN(place.x[from])) return shown.length ? shown.reduce((a, b) => (d.nodes[b].row > d.nodes[a].row || (d.nodes[b].row === d.nodes[a].row && d.nodes[b].influence > d.nodes[a].influence) ? b : a)) : -1;
  const row = d.nodes[from].row;
  if (key === 'ArrowLeft' || key === 'ArrowRight') {
    const line = shown.filter(i => d.nodes[i].row === row).sort((a, b) => place.x[a] - place.x[b] || place.y[a] - place.y[b]);
    return line[line.indexOf(from) + (key === 'ArrowRight' ? 1 : -1)] ?? from;
  }
  const up = key === 'ArrowUp', beyond = shown.filter(i => (up ? d.nodes[i].row > row : d.nodes[i].row < row));
  if (!beyond.length) return from;
  const next = beyond.reduce((m, i) => (up ? Math.min(m, d.nodes[i].row) : Math.max(m, d.nodes[i].row)), up ? Infinity : -Infinity);
  return beyond.filter(i => d.nodes[i].row === next).reduce((a, b) => (Math.abs(place.x[b] - place.x[from]) < Math.abs(place.x[a] - place.x[from]) ? b : a));
}
