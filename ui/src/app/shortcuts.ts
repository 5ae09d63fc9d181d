// Keys that work on every screen. What a list or field does with a key is its own business.

import type { App } from '../state/app.svelte';
import type { Route } from '../state/router.svelte';

const SCREENS: Route[] = [
  { screen: 'home' },
  { screen: 'accounts' },
  { screen: 'browse' },
  { screen: 'profiles' },
  { screen: 'settings' },
];

export const IS_MAC = /mac/i.test(navigator.platform);

export function handle(event: KeyboardEvent, app: App): void {
  if (event.defaultPrevented || event.isComposing || event.altKey) return;
  // a dialog or sheet is open: the screen behind it does nothing
  if (document.querySelector('[role="dialog"], [role="alertdialog"]')) return;
  const done = event.ctrlKey || event.metaKey ? withControl(event, app) : plainKey(event, app);
  if (done) event.preventDefault();
}

function withControl(event: KeyboardEvent, app: App): boolean {
  const screen = SCREENS[Number(event.key) - 1];
  if (screen) {
    app.router.go(screen);
    return true;
  }
  switch (event.key.toLowerCase()) {
    case 'n':
      app.router.go({ screen: 'editor', id: null });
      return true;
    case 'o':
      app.router.go({ screen: 'import' });
      return true;
    case 'enter':
      app.go?.();
      return app.go !== null;
    default:
      return false;
  }
}

function plainKey(event: KeyboardEvent, app: App): boolean {
  if (isTyping(event.target)) return escapeField(event);
  switch (event.key) {
    case '/': {
      const filter = document.querySelector<HTMLInputElement>('[data-filter]');
      filter?.focus();
      filter?.select();
      return filter !== null;
    }
    case '?':
      app.shortcutsOpen = true;
      return true;
    default:
      return false;
  }
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
  if (target instanceof HTMLTextAreaElement) return true;
  return target instanceof HTMLInputElement && !['checkbox', 'radio', 'button'].includes(target.type);
}
