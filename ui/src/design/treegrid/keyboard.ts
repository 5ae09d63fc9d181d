// What a key does in a treegrid whose rows take the focus (WAI-ARIA APG, "treegrid", row focus first). Pure: no DOM.

export interface TreeRow {
  /** From 1. */
  level: number;
  /** Null for a row that has nothing below it. */
  expanded: boolean | null;
}

export interface Keys {
  key: string;
  ctrlKey?: boolean;
  metaKey?: boolean;
  altKey?: boolean;
  shiftKey?: boolean;
}

export type Step =
  | { do: 'focus'; index: number }
  | { do: 'expand' | 'collapse'; index: number }
  /** Ticks the row, or takes its tick away; with `range` as those from the last row that was ticked to this one. */
  | { do: 'check'; index: number; range: boolean }
  | { do: 'all' };

export interface Tree {
  count: number;
  /** Rows that a page key goes. */
  page: number;
  row: (index: number) => TreeRow;
  /** Rows have check boxes. */
  checks?: boolean;
}

/** Null when the key is not the grid's business, or there is nowhere to go. */
export function step(keys: Keys, focused: number, tree: Tree): Step | null {
  if (tree.count === 0 || keys.altKey) return null;
  if (tree.checks) {
    const taken = check(keys, focused, tree);
    if (taken) return taken;
  }
  if (keys.shiftKey) return null;
  const last = tree.count - 1;
  const at = Math.min(Math.max(focused, 0), last);
  // nothing has the focus yet: the first arrow only sets it
  if (focused < 0 && keys.key.startsWith('Arrow')) return focus(0, focused);
  if (keys.ctrlKey || keys.metaKey) {
    if (keys.key === 'Home') return focus(0, at);
    if (keys.key === 'End') return focus(last, at);
    return null;
  }
  switch (keys.key) {
    case 'ArrowDown':
      return focus(Math.min(at + 1, last), at);
    case 'ArrowUp':
      return focus(Math.max(at - 1, 0), at);
    case 'PageDown':
      return focus(Math.min(at + tree.page, last), at);
    case 'PageUp':
      return focus(Math.max(at - tree.page, 0), at);
    case 'Home':
      return focus(0, at);
    case 'End':
      return focus(last, at);
    case 'ArrowRight':
      return right(at, tree);
    case 'ArrowLeft':
      return left(at, tree);
    case ' ':
      return tree.checks ? null : toggle(at, tree);
    case 'Enter':
      return toggle(at, tree);
    default:
      return null;
  }
}

/** Space ticks; with Shift it, and the arrows, take the rows between too; Ctrl-A ticks all. */
function check(keys: Keys, focused: number, tree: Tree): Step | null {
  const control = keys.ctrlKey === true || keys.metaKey === true;
  if (control) return keys.key.toLowerCase() === 'a' && !keys.shiftKey ? { do: 'all' } : null;
  if (focused < 0) return null;
  const range = keys.shiftKey === true;
  if (keys.key === ' ') return { do: 'check', index: focused, range };
  if (!range) return null;
  const next = keys.key === 'ArrowDown' ? focused + 1 : keys.key === 'ArrowUp' ? focused - 1 : -1;
  return next >= 0 && next < tree.count ? { do: 'check', index: next, range } : null;
}

function focus(index: number, from: number): Step | null {
  return index === from ? null : { do: 'focus', index };
}

/** Opens a closed row; goes to the first child of an open one. */
function right(at: number, tree: Tree): Step | null {
  const { expanded, level } = tree.row(at);
  if (expanded === false) return { do: 'expand', index: at };
  if (expanded && at + 1 < tree.count && tree.row(at + 1).level > level)
    return { do: 'focus', index: at + 1 };
  return null;
}

/** Closes an open row; goes to the parent of any other. */
function left(at: number, tree: Tree): Step | null {
  const { expanded, level } = tree.row(at);
  if (expanded) return { do: 'collapse', index: at };
  for (let above = at - 1; above >= 0 && level > 1; above -= 1) {
    if (tree.row(above).level < level) return { do: 'focus', index: above };
  }
  return null;
}

function toggle(at: number, tree: Tree): Step | null {
  const { expanded } = tree.row(at);
  if (expanded === null) return null;
  return { do: expanded ? 'collapse' : 'expand', index: at };
}
