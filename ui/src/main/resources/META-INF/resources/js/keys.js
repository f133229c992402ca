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
  const target = [...document.querySelectorAll(`[data-key="${CSS.escape(e.key)}"]`)].find(visible);
  if (!target) return;
  e.preventDefault();
  const inner = /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) ? target : target.querySelector('input, textarea') ;
  if (inner && !/^(A|BUTTON)$/.test(target.tagName)) { inner.focus(); inner.select?.(); } else target.click();
});

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
