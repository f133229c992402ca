// Reads rows of a long list before they are seen. The grid itself asks for rows when empty ones are on the screen already, and
// waits for 150 ms without another wish; so whoever scrolls evenly looks at empty rows. Here each scroll event counts: the range
// that is asked for goes ahead in the direction of the movement, farther the faster it is.
const MOST = 400; // rows at once, but for what fills pages: the server refuses more than 500
const SECONDS = 1; // how far ahead, at the present speed

function watch(grid) {
  const connector = grid.$connector;
  const own = connector.getViewportRange;
  let asked = [-1, -1], last = null, speed = 0, waiting = false;

  // What was asked for last, as long as it holds what is seen: the grid's own, later request is then the same one. The connector
  // widens what this answers by its own width on either side; two rows less, whatever is rounded.
  connector.getViewportRange = () => {
    const seen = own(), page = grid.pageSize;
    const from = asked[0] * page + 2, to = (asked[1] + 1) * page - 3;
    if (asked[0] < 0 || seen[0] < from - 2 || seen[1] > to + 2) return seen;
    const third = (to - from) / 3;
    return [Math.round(from + third), Math.round(to - third)];
  };

  function look() {
    waiting = false;
    if (!grid.isConnected || !grid.size) return;
    const [first, end] = own(), now = performance.now();
    if (last && now > last.at) {
      const rows = (first - last.first) / (now - last.at) * 1000;
      speed = Math.abs(first - last.first) > 200 ? 0 : .6 * speed + .4 * rows; // a jump has no direction
    }
    last = { first, at: now };
    const seen = end - first + 1, page = grid.pageSize;
    const far = Math.min(MOST - 2 * seen - page, Math.max(seen, Math.abs(speed) * SECONDS));
    const up = speed < -5, down = speed > 5, holds = row => row >= asked[0] * page && row < (asked[1] + 1) * page;
    const clamp = row => Math.min(grid.size - 1, Math.max(0, row));
    // half of the way ahead is enough: fewer, longer answers
    if (asked[0] >= 0 && holds(clamp(first - (up ? far / 2 : 0))) && holds(clamp(end + (down ? far / 2 : 0)))) return;
    asked = [first - (up ? far : seen / 2), end + (down ? far : seen / 2)].map(row => Math.floor(clamp(row) / page));
    connector.requestPage(Math.floor(first / page));
  }

  grid.$.table.addEventListener('scroll', () => {
    if (!waiting) { waiting = true; requestAnimationFrame(look); }
  }, { passive: true });
  const reset = connector.reset;
  connector.reset = () => { asked = [-1, -1]; last = null; speed = 0; reset(); };
}

/** Called by the server when the grid is on the page; its connector comes a moment later. */
window.loupeAhead = grid => {
  let tries = 0;
  const begin = () => {
    if (grid.$connector && grid.$?.table) watch(grid);
    else if (tries++ < 100) setTimeout(begin, 20);
  };
  begin();
};
