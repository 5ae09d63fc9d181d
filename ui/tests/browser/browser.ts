// Debian's Chromium on the fake backend. What the page must never do makes every test fail: errors, CSP violations.

import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';
import { expect } from 'vitest';
import { serve } from './server';

const require = createRequire(import.meta.url);
const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
export const PICTURES = join(import.meta.dirname, '../../../artifacts/ui');

export interface Look {
  theme?: 'light' | 'dark';
  lang?: 'en' | 'zh-CN';
  width?: number;
  height?: number;
  contrast?: 'more';
  scale?: number;
  reducedMotion?: boolean;
}

export interface Opened {
  page: Page;
  id: (testid: string) => ReturnType<Page['getByTestId']>;
  go: (hash: string) => Promise<void>;
  picture: (name: string) => Promise<void>;
  /** All rules, or those of colours alone: the others do not depend on the theme. */
  axe: (rules?: 'all' | 'colours') => Promise<void>;
  /** What the page has done that it must not. */
  wrong: string[];
  /** Fails when the page has misbehaved. */
  close: () => Promise<void>;
}

/** A page and what it has done that it must not. */
interface Used {
  page: Page;
  wrong: string[];
}

export class Harness {
  #browser: Browser | null = null;
  /** Pages that nobody uses, by their looks: to make one takes longer than most of what is done with it. */
  #idle = new Map<string, Used[]>();
  #server: Awaited<ReturnType<typeof serve>> | null = null;

  async start(): Promise<void> {
    mkdirSync(PICTURES, { recursive: true });
    this.#server = await serve();
    this.#browser = await chromium.launch({
      executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        '--no-first-run',
      ],
    });
  }

  async stop(): Promise<void> {
    await this.#browser?.close();
    await this.#server?.close();
  }

  async open(query: Record<string, string>, look: Look = {}, hash = '#/home'): Promise<Opened> {
    if (!this.#server) throw new Error('the harness has not been started');
    const { theme = 'light', lang = 'en', ...rest } = look;
    const key = JSON.stringify(rest);
    const used = this.#idle.get(key)?.pop() ?? (await this.#make(look));
    const { page, wrong } = used;
    await page.emulateMedia({ colorScheme: theme });
    const params = new URLSearchParams({ theme, lang, ...query });
    await page.goto(`${this.#server.url}?${params}${hash}`);
    await page.getByTestId('nav-home').waitFor();

    return {
      page,
      id: (testid) => page.getByTestId(testid),
      go: async (to) => void (await page.evaluate((next) => (location.hash = next), to)),
      picture: async (name) => void (await page.screenshot({ path: join(PICTURES, `${name}.png`) })),
      axe: (rules = 'all') => axe(page, rules),
      wrong,
      close: async () => {
        // what goes on is ended, and what is under the mouse is no one else's
        await page.goto('about:blank');
        await page.mouse.move(0, 0);
        const told = wrong.splice(0);
        if (told.length === 0) this.#idle.set(key, [...(this.#idle.get(key) ?? []), used]);
        else await page.context().close();
        expect(told).toEqual([]);
      },
    };
  }

  async #make(look: Look): Promise<Used> {
    if (!this.#browser) throw new Error('the harness has not been started');
    const context = await this.#browser.newContext({
      viewport: { width: look.width ?? 1200, height: look.height ?? 800 },
      deviceScaleFactor: look.scale ?? 1,
      colorScheme: look.theme ?? 'light',
      contrast: look.contrast ?? 'no-preference',
      // pictures of a page that moves differ
      reducedMotion: (look.reducedMotion ?? true) ? 'reduce' : 'no-preference',
      permissions: ['clipboard-read', 'clipboard-write'],
    });
    const page = await context.newPage();
    const wrong: string[] = [];
    page.on('pageerror', (error) => wrong.push(`error: ${error.stack ?? error.message}`));
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) wrong.push(`console: ${message.text()}`);
    });
    // as the app does it (freezePrototype)
    await page.addInitScript('Object.freeze(Object.prototype)');
    return { page, wrong };
  }
}

interface Violation {
  id: string;
  help: string;
  nodes: { html: string; failureSummary: string }[];
}

const RULES = {
  all: { type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] },
  colours: { type: 'rule', values: ['color-contrast', 'link-in-text-block'] },
};

/** Of a page that goes on while it is looked at, axe may see a row half of before and half of after: what is wrong stays. */
async function axe(page: Page, rules: keyof typeof RULES): Promise<void> {
  let told = await violations(page, rules);
  for (let again = 0; told.length > 0 && again < 2; again += 1) {
    await page.waitForTimeout(500);
    told = await violations(page, rules);
  }
  expect(told).toEqual([]);
}

async function violations(page: Page, rules: keyof typeof RULES): Promise<string[]> {
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(AXE);
  const found = await page.evaluate(async (runOnly) => {
    // @ts-expect-error axe was put there by the line above
    const result = await window.axe.run(document, { runOnly });
    return result.violations as Violation[];
  }, RULES[rules]);
  // menus and tooltips stand outside of the landmarks while they are open, as the ARIA patterns have them
  const region = found.find(({ id }) => id === 'region');
  if (region) region.nodes = region.nodes.filter(({ html }) => !html.includes('data-bits-floating'));
  return found
    .filter(({ nodes }) => nodes.length > 0)
    .map(
      ({ id, help, nodes }) =>
        `${id}: ${help}\n${nodes
          .slice(0, 3)
          .map((node) => `  ${node.html.slice(0, 200)}\n  ${node.failureSummary}`)
          .join('\n')}`,
    );
}
