/**
 * Which rows of a long list are drawn, and where. A browser cannot scroll an element of any height (Chromium stops near 16.7 million
 * pixels, others earlier), so a list above `MAX_HEIGHT` scrolls in a scaled way: the scroll bar maps by ratio to a *position*, the
 * pixels from the top of the list as if it had its full height.
 */

export const ROW_HEIGHT = 20;
export const MAX_HEIGHT = 8_000_000;
/** Rows drawn above and below the window, so that a scroll that the compositor does first shows no gap. */
export const OVERSCAN = 12;

export interface Geometry {
  /** Rows in the list. */
  readonly rows: number;
  /** Height of the window in pixels. */
  readonly view: number;
  /** Height of the scrolled element in pixels. */
  readonly height: number;
  /** Largest position. */
  readonly maxPosition: number;
  /** Largest scroll offset. */
  readonly maxScroll: number;
}

/** `tail` adds room below the last row, so that it can stand at the top (for rows that are higher than `ROW_HEIGHT`). */
export function geometry(rows: number, view: number, tail = 0): Geometry {
  const full = rows * ROW_HEIGHT + tail;
  const height = Math.min(full, MAX_HEIGHT);
  return {
    rows,
    view,
    height,
    maxPosition: Math.max(0, full - view),
    maxScroll: Math.max(0, height - view),
  };
}

/** How many pixels of position one pixel of scrolling stands for; 1 unless scaled. */
export function scale(g: Geometry): number {
  return g.maxScroll === 0 ? 1 : g.maxPosition / g.maxScroll;
}

export function clampPosition(g: Geometry, position: number): number {
  return Math.min(Math.max(0, position), g.maxPosition);
}

export function positionOf(g: Geometry, scrollTop: number): number {
  return clampPosition(g, scrollTop * scale(g));
}

export function scrollOf(g: Geometry, position: number): number {
  return clampPosition(g, position) / scale(g);
}

/** First and one past the last row to draw, and the offset in pixels of the first one from the window's top. */
export function rowsAt(g: Geometry, position: number): { first: number; end: number; offset: number } {
  const at = clampPosition(g, position);
  const first = Math.max(0, Math.floor(at / ROW_HEIGHT) - OVERSCAN);
  const end = Math.min(g.rows, Math.ceil((at + g.view) / ROW_HEIGHT) + OVERSCAN);
  return { first, end: Math.max(first, end), offset: first * ROW_HEIGHT - at };
}

/** Position at which `row` stands about a third down the window; unchanged when it is visible already. */
export function reveal(g: Geometry, position: number, row: number): number {
  const top = row * ROW_HEIGHT;
  const visible = top >= position + ROW_HEIGHT && top + ROW_HEIGHT <= position + g.view - ROW_HEIGHT;
  return visible ? position : clampPosition(g, top - Math.floor(g.view / 3));
}

export function atEnd(g: Geometry, position: number): boolean {
  return position >= g.maxPosition - ROW_HEIGHT / 2;
}
