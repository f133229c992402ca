import { s } from './core.js';

/** The magnifier with an active spot, in the current text colour. */
class Mark extends HTMLElement {
  connectedCallback() {
    this.replaceChildren(s('svg', { width: 20, height: 20, viewBox: '0 0 20 20', 'aria-hidden': 'true' },
      s('circle', { cx: 8.5, cy: 8.5, r: 6, fill: 'none', stroke: 'currentColor', 'stroke-width': 2 }),
      s('circle', { cx: 8.5, cy: 8.5, r: 2.4, fill: 'rgb(var(--act))' }),
      s('path', { d: 'M13 13l5 5', stroke: 'currentColor', 'stroke-width': 2.4, 'stroke-linecap': 'round' })));
  }
}

customElements.define('loupe-mark', Mark);
