// The whole page on the fake backend, for tests of screens.

import { render, screen, waitFor } from '@testing-library/svelte';
import userEvent, { type UserEvent } from '@testing-library/user-event';
import axe from 'axe-core';
import { expect } from 'vitest';
import Root from '../app/Root.svelte';
import type { Backend } from '../backend/backend';
import { fake } from '../backend/fake';

export interface Started {
  backend: Backend;
  user: UserEvent;
  container: HTMLElement;
}

export async function start(query: string, hash = '#/home', change: Partial<Backend> = {}): Promise<Started> {
  location.hash = hash;
  const backend: Backend = { ...fake(`?latency=0&tick=2&${query}`), ...change };
  const user = userEvent.setup();
  const { baseElement } = render(Root, { backend });
  await waitFor(() => expect(screen.getByTestId('nav-home')).toBeInTheDocument());
  return { backend, user, container: baseElement };
}

/** No contrast: nothing is drawn here (the browser's tests look at it). */
export async function clean(container: HTMLElement): Promise<void> {
  const { violations } = await axe.run(container, {
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'],
    rules: { 'color-contrast': { enabled: false }, 'target-size': { enabled: false } },
  });
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join('\n')}`)).toEqual(
    [],
  );
}
