// What all elements share: building nodes (text only ever as text), the activation ramp, number formats, ticks.
const SVG = 'http://www.w3.org/2000/svg';

/** Creates an HTML element. Attributes: `class`, `title`, ...; a function under `on...` is a listener; children are nodes or text. */
export function h(tag, attrs = {}, ...children) {
  return fill(document.createElement(tag), attrs, children);
}

/** Creates an SVG element, same rules as {@link h}. */
export function s(tag, attrs = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attrs, children);
}

function fill(node, attrs, children) {
  for (const [name, value] of Object.entries(attrs)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else if (name === 'style') for (const [p, v] of Object.entries(value)) node.style.setProperty(p, v);
    else node.setAttribute(name, value === true ? '' : String(value));
  }
  for (const c of children.flat(2)) if (c !== undefined && c !== null) node.append(c instanceof Node ? c : document.createTextNode(String(c)));
  return node;
}

/**
 * Opacity of a token whose value is `value` on a list whose largest value is `max`:
 * .05 + .95·log10(1 + 9·r). Weak tokens stay visible, and rows of one list compare.
 */
export function ramp(value, max) {
  const r = max > 0 ? Math.abs(value) / max : 0;
  return r <= 5e-5 ? 0 : Math.min(1, 0.05 + 0.95 * Math.log10(1 + 9 * Math.min(1, r)));
}

/** The colours of loupe.css that carry values, with the paper under them: light, then dark. A test compares them with the style sheet. */
export const PALETTE = {
  light: { paper: [255, 255, 255], act: [245, 140, 20], pos: [204, 85, 0], neg: [0, 98, 168] },
  dark: { paper: [23, 26, 32], act: [255, 165, 60], pos: [255, 140, 70], neg: [90, 175, 245] },
};

/** Black or white ink, whichever reads better on a value's colour: one always has a contrast of 4.5 (WCAG 2, relative luminance .179). */
export function inkOn(tone, alpha) {
  const ink = theme => {
    const c = theme[tone].map((v, i) => theme.paper[i] + alpha * (v - theme.paper[i]));
    const [r, g, b] = c.map(v => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? '#000' : '#fff';
  };
  return `light-dark(${ink(PALETTE.light)}, ${ink(PALETTE.dark)})`;
}

/** A token as it flows in a text: line feeds become ↵, tabs ⇥, other control characters are shown, not obeyed. */
export function shown(token) {
  return token.replace(/\n/g, '↵').replace(/\t/g, '⇥').replace(/\r/g, '␍')
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g, '␦');
}

/** A token standing alone: spaces are made visible too. */
export function alone(token) {
  return token === '' ? '∅' : shown(token).replace(/ /g, '␣');
}

/** Up to four significant digits, true minus sign, thousands separated; never in scientific notation for 1e-4 … 1e7. */
export function num(v, digits = 4) {
  if (v === null || v === undefined || Number.isNaN(v)) return '–';
  if (!Number.isFinite(v)) return v > 0 ? '∞' : '−∞';
  if (v === 0) return '0';
  const a = Math.abs(v);
  const t = a >= 1e7 || a < 1e-4 ? a.toExponential(2)
    : a >= 1000 ? Math.round(a).toLocaleString('en-US')
      : String(Number(a.toPrecision(digits)));
  return (v < 0 ? '−' : '') + t;
}

/** Round tick values between lo and hi, about `n` of them. */
export function ticks(lo, hi, n) {
  if (!(hi > lo)) return [lo];
  const raw = (hi - lo) / Math.max(1, n);
  const mag = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map(f => f * mag).find(st => st >= raw * 0.999);
  const out = [];
  for (let i = Math.ceil(lo / step - 1e-9); i * step <= hi + step * 1e-6; i++) out.push(Number((i * step).toPrecision(12)));
  return out;
}

/**
 * Base of all elements: takes one JSON property, `data`, draws in the light DOM (the page's style sheet applies),
 * redraws once per frame, and when its width changes if it draws to scale.
 */
export class LoupeElement extends HTMLElement {
  #data = null;
  #queued = false;
  #observer = null;

  connectedCallback() {
    // a property set before this class was known lies on the object itself and would hide the accessor
    if (Object.hasOwn(this, 'data')) { const v = this.data; delete this.data; this.data = v; }
    if (this.scaled) {
      let width = 0;
      this.#observer = new ResizeObserver(e => {
        const w = Math.round(e[0].contentRect.width);
        if (w !== width) { width = w; this.redraw(); }
      });
      this.#observer.observe(this);
    }
    this.redraw();
  }

  disconnectedCallback() { this.#observer?.disconnect(); }

  get data() { return this.#data; }
  set data(v) { this.#data = typeof v === 'string' ? JSON.parse(v) : v; this.redraw(); }

  redraw() {
    if (this.#queued) return;
    this.#queued = true;
    queueMicrotask(() => {
      this.#queued = false;
      if (this.isConnected && this.#data) this.draw(this.#data);
    });
  }

  /** Whether the drawing depends on the width. */
  get scaled() { return false; }

  /** Width to draw to, in CSS pixels. */
  get room() { return Math.max(200, Math.round(this.getBoundingClientRect().width)); }

  /** Tells the server (and anyone else) that something was chosen. */
  tell(type, detail) { this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true })); }
}

/**
 * A chart one can walk through with the arrow keys: `count` stops, `show(i)` marks a stop and says it in words,
 * `open(i)` is Enter. Returns the line of words, which is a polite live region.
 */
export function walkable(svg, count, show, open) {
  const words = h('div', { class: 'readout faint', 'aria-live': 'polite' });
  let at = -1;
  const go = i => {
    if (count === 0) return;
    at = Math.max(0, Math.min(count - 1, i));
    words.textContent = show(at);
  };
  svg.setAttribute('tabindex', '0');
  svg.addEventListener('keydown', e => {
    const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[e.key];
    if (step) go(at + step);
    else if (e.key === 'Home') go(0);
    else if (e.key === 'End') go(count - 1);
    else if (e.key === 'Enter' && open && at >= 0) open(at);
    else return;
    e.preventDefault();
    e.stopPropagation();
  });
  return { words, go };
}
