// What jsdom lacks and the page asks for.

import '@testing-library/jest-dom/vitest';
import { configure } from '@testing-library/svelte';
import { afterEach, vi } from 'vitest';
import { setLocale } from '../i18n';

// awaited, however busy the machine is: a test that fails waits long, one that passes does not
configure({ asyncUtilTimeout: 60_000 });

vi.stubGlobal('matchMedia', (query: string) => ({
  matches: false,
  media: query,
  addEventListener: () => undefined,
  removeEventListener: () => undefined,
}));

class NoResize {
  observe(): void {}
  unobserve(): void {}
  disconnect(): void {}
}
vi.stubGlobal('ResizeObserver', NoResize);

// nothing is laid out: give the grid a size, so that it has rows
Object.defineProperty(HTMLElement.prototype, 'offsetHeight', { configurable: true, get: () => 600 });
Object.defineProperty(HTMLElement.prototype, 'offsetWidth', { configurable: true, get: () => 1000 });
HTMLCanvasElement.prototype.getContext = () => null;
Element.prototype.scrollTo = () => undefined;
Element.prototype.scrollIntoView = () => undefined;
Element.prototype.animate = () =>
  ({ finished: Promise.resolve(), cancel: () => undefined }) as unknown as Animation;

afterEach(() => {
  setLocale('en');
  location.hash = '';
});
