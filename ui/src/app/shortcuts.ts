// Keys that work on every screen. What a list or field does with a key is its own business.

import type { App } from '../state/app.svelte';
import { COMMANDS } from './commands';

export const IS_MAC = /mac/i.test(navigator.platform);

/** The keys of a command, as they are shown. */
export function shownKeys(keys: string): string[] {
  return keys.split('+').map((key) => {
    if (key === 'ctrl') return IS_MAC ? '⌘' : 'Ctrl';
    return key.charAt(0).toUpperCase() + key.slice(1);
  });
}

/** As screen readers want them in `aria-keyshortcuts`. */
export function ariaKeys(keys: string): string {
  return keys
    .replace('ctrl', IS_MAC ? 'Meta' : 'Control')
    .replace(/\+(.)/, (_, key: string) => `+${key.toUpperCase()}`);
}

export function handle(event: KeyboardEvent, app: App): void {
  if (event.defaultPrevented || event.isComposing || event.altKey) return;
  // a dialog or sheet is open: the screen behind it does nothing
  if (document.querySelector('[role="dialog"], [role="alertdialog"], [role="menu"]')) return;
  const key = event.key.toLowerCase();
  const control = event.ctrlKey || event.metaKey;
  if (!control && isTyping(event.target) && !/^f\d+$/.test(key)) {
    if (escapeField(event)) event.preventDefault();
    return;
  }
  // with Ctrl and Shift the browser and lists have theirs
  if (control && event.shiftKey) return;
  const command = COMMANDS.find(({ keys }) => keys === (control ? `ctrl+${key}` : key));
  if (!command) return;
  // a key of ours never does what the web view would, whether it does anything here or not
  event.preventDefault();
  if (command.enabled(app)) command.run(app);
}

/** Esc empties the filter first, then gives the focus back. */
function escapeField(event: KeyboardEvent): boolean {
  const field = event.target;
  if (event.key !== 'Escape' || !(field instanceof HTMLInputElement) || !field.matches('[data-filter]'))
    return false;
  if (field.value === '') field.blur();
  field.value = '';
  field.dispatchEvent(new Event('input', { bubbles: true }));
  return true;
}

function isTyping(target: EventTarget | null): boolean {
  if (target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement) return true;
  return target instanceof HTMLInputElement && !['checkbox', 'radio', 'button'].includes(target.type);
}
