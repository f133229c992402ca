// Reads rows of a long list before they are seen. The grid itself asks for rows when empty ones are on the screen already, and
// waits for 150 ms without another wish; so whoever scrolls evenly looks at empty rows. Here each scroll event counts: the range
// that is asked for goes ahead in the direction of the movement, farther the faster it is.
const MOST = 480; // rows at once: the server refuses more than 500
const SECONDS = 1; // how far ahead, at the present speed

function watch(grid) {
  const connector = grid.$connector;
  const own = connector.getViewportRange;
  let asked = [-1, -1], last = null, speed = 0, waiting = false, wanted = null;

  // The connector widens what this answers by its own width on either side.
  connector.getViewportRange = () => {
    if (!wanted) return own();
    const third = (wanted[1] - wanted[0]) / 3;
    return [Math.round(wanted[0] + third), Math.round(wanted[1] - third)];
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
    const from = Math.max(0, first - (speed < -5 ? far : seen / 2));
    const to = Math.min(grid.size - 1, end + (speed > 5 ? far : seen / 2));
    const pages = [Math.floor(from / page), Math.floor(to / page)];
    if (pages[0] === asked[0] && pages[1] === asked[1]) return;
    asked = pages;
    wanted = [pages[0] * page + 2, (pages[1] + 1) * page - 3]; // within the pages, whatever is rounded
    try { connector.requestPage(Math.floor(first / page)); } finally { wanted = null; }
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
