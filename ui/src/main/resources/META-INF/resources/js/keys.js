// The keyboard: an element with data-key="x" is clicked (or focused, if it is a field) when x is typed outside of fields.
// The theme button: system, light, dark, remembered in this browser.
import './mark.js';

const field = n => n instanceof HTMLElement && (n.isContentEditable || /^(INPUT|TEXTAREA|SELECT|VAADIN-(TEXT|NUMBER|INTEGER|COMBO|SELECT|EMAIL|PASSWORD).*)$/.test(n.tagName));
const visible = n => n.getClientRects().length > 0;

document.addEventListener('keydown', e => {
  if (e.defaultPrevented || e.ctrlKey || e.metaKey || e.altKey) return;
  const active = e.composedPath()[0];
  if (e.key === 'Escape' && field(active)) { active.blur(); return; }
  if (field(active)) {
    // Enter in a one-line field, Ctrl-free: the button that says so
    if (e.key === 'Enter' && !e.shiftKey && active.closest?.('[data-enter]')) {
      const button = document.querySelector(active.closest('[data-enter]').getAttribute('data-enter'));
      if (button) { e.preventDefault(); active.dispatchEvent(new Event('change', { bubbles: true })); setTimeout(() => button.click(), 0); }
    }
    return;
  }
  const target = find(e.key);
  if (!target) return;
  e.preventDefault();
  if (!inner(target) && (moving || busy())) {
    waiting.push(e.key);
    if (!moving) watch();
  } else press(target);
});

const find = key => [...document.querySelectorAll(`[data-key="${CSS.escape(key)}"]`)].find(visible);

/** The field to focus, where the key means one. */
function inner(target) {
  if (/^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)) return target;
  return /^(A|BUTTON)$/.test(target.tagName) ? null : target.querySelector('input, textarea');
}

function press(target) {
  const to = inner(target);
  if (to) { to.focus(); to.select?.(); return; }
  target.click();
  if (target.tagName === 'A') watch();
}

// Keys typed faster than pages come wait their turn (two seconds at most): the router loses a step that begins before the
// last one has ended, which is a moment after the server's answer.
const waiting = [];
let moving = false;
const busy = () => Object.values(window.Vaadin?.Flow?.clients ?? {}).some(c => c.isActive?.());
function watch() {
  moving = true;
  const patience = Date.now() + 2000;
  let quiet = 0;
  const look = () => {
    quiet = busy() ? 0 : quiet + 1;
    if (quiet < 3 && Date.now() < patience) { setTimeout(look, 15); return; }
    moving = false;
    const target = waiting.length ? find(waiting.shift()) : null;
    if (target) press(target);
    if (waiting.length && !moving) watch();
  };
  setTimeout(look, 15);
}

function apply(theme) {
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
}

/** Moves to the other theme than the one now seen; a choice equal to the system's is forgotten again. */
export function toggleTheme() {
  const system = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
  const now = document.documentElement.dataset.theme ?? system;
  const next = now === 'dark' ? 'light' : 'dark';
  try {
    if (next === system) localStorage.removeItem('loupe-theme'); else localStorage.setItem('loupe-theme', next);
  } catch { /* no storage: the choice lasts for this page */ }
  apply(next === system ? null : next);
}

document.addEventListener('click', e => {
  const t = e.target.closest?.('[data-act]');
  if (t?.dataset.act === 'theme') toggleTheme();
});
