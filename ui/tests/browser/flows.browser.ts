// What people do, with mouse and keyboard, in a real engine under the app's CSP.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Harness, type Opened } from './browser';
import { CSP } from './server';

const harness = new Harness();
beforeAll(() => harness.start());
afterAll(() => harness.stop());

const quick = { tick: '15' };
const focused = ({ page }: Opened): Promise<string> =>
  page.evaluate(
    () => document.activeElement?.getAttribute('data-testid') ?? document.activeElement?.tagName ?? '',
  );

describe('the main flows', () => {
  test('the demo: three clicks to a finished sync', async () => {
    const opened = await harness.open({ scenario: 'empty', ...quick });
    await opened.id('home-try-demo').click();
    await opened.id('profile-compare').click();
    // a click waits until the button can be pressed
    await opened.id('plan-start').click();
    await opened.id('run-result').waitFor();
    expect(await opened.id('run-result').getAttribute('data-copied')).toBe('6');
    await opened.id('run-back').click();
    await opened.id('home-profile').first().waitFor();
    expect(await opened.id('home-profile').first().textContent()).toContain('6 copied, 0 skipped');
    await opened.close();
  });

  test('the same by the keyboard alone', async () => {
    const opened = await harness.open({ scenario: 'empty', ...quick });
    const { page } = opened;
    await opened.id('home-try-demo').waitFor();
    for (let tabs = 0; tabs < 20 && (await focused(opened)) !== 'home-try-demo'; tabs += 1) {
      await page.keyboard.press('Tab');
    }
    await page.keyboard.press('Enter');
    await opened.id('profile-compare').waitFor();
    await page.waitForFunction(() => document.activeElement?.tagName === 'H1');
    await page.keyboard.press('Control+Enter');
    await page.locator('[data-testid=plan-summary][data-state=ready]').waitFor();
    await page.keyboard.press('Control+Enter');
    await opened.id('run-result').waitFor();
    await opened.close();
  });

  test('an account is added, tested and used; its secret is nowhere in the page', async () => {
    const opened = await harness.open({ scenario: 'empty' });
    const { page, id } = opened;
    await id('home-add-account').click();
    await id('account-address').waitFor();
    expect(await focused(opened)).toBe('account-provider');
    await id('account-address').fill('registry.example.com');
    await id('account-username').fill('me');
    await id('account-secret').fill('CANARY-5e1f');
    await id('account-test').click();
    await page.locator('[data-testid=account-check-result][data-state=passed]').waitFor();
    await id('account-save').click();
    await id('account-row').waitFor();
    expect(await id('account-row').getAttribute('data-address')).toBe('registry.example.com');
    expect(await page.content()).not.toContain('CANARY-5e1f');
    await opened.close();
  });

  test('a pasted login fills the sheet', async () => {
    const opened = await harness.open({}, {}, '#/accounts/new');
    const { page, id } = opened;
    await page.evaluate(() => navigator.clipboard.writeText('docker login -u bot quay.io'));
    await id('account-address').focus();
    await page.keyboard.press('Control+V');
    await expect.poll(() => id('account-username').inputValue()).toBe('bot');
    expect(await id('account-address').inputValue()).toBe('quay.io');
    await opened.close();
  });

  test('a profile is made, compared and run; a filter narrows the list', async () => {
    const opened = await harness.open({ scenario: 'empty', ...quick }, {}, '#/profiles/new');
    const { page, id } = opened;
    await id('profile-name').fill('Mine');
    await id('rule-source-0').fill('quay.io/a/b:v1');
    await id('rule-destination-0-0').fill('r.io/b');
    await id('profile-compare').click();
    await page.locator('[data-testid=plan-summary][data-state=ready]').waitFor();
    await id('filter-overwrite').click();
    await expect.poll(() => id('image-row').count()).toBe(6);
    await page.keyboard.press('/');
    await page.keyboard.type('alertmanager');
    await expect.poll(() => id('image-row').count()).toBe(1);
    await page.keyboard.press('Escape');
    await page.keyboard.press('Escape');
    await id('plan-start').click();
    await id('run-result').waitFor();
    await opened.close();
  });

  test('a set is built by ticking and dragging, mapped, and compared', async () => {
    const { page, id, close } = await harness.open({ tick: '15' }, {}, '#/browse');
    const row = (name: string) => page.locator(`[data-testid=browse-row][data-name="${name}"]`);
    await row('team').locator('[data-toggle]').click();
    await row('team/web').locator('[data-toggle]').click();
    // the arrow tells what the row does
    await row('team/web').locator('[data-toggle].open').waitFor();
    await row('1.27.0').locator('[data-check]').click();
    await row('1.25.0')
      .locator('[data-check]')
      .click({ modifiers: ['Shift'] });
    await expect.poll(() => id('selection-sum').textContent()).toContain('Tags: 3');
    await id('selection-add').click();
    await row('team/api').dragTo(id('set'));
    await expect.poll(() => id('set-rule').count()).toBe(2);
    await id('set-destination').click();
    await id('destination-account').selectOption('lab');
    await id('mapping-prefix').click();
    await id('mapping-text').fill('copies');
    await page.locator('[data-testid=pair]', { hasText: '/team/copies/team/web:1.27.0' }).waitFor();
    await id('set-compare').click();
    await page.locator('[data-testid=plan-summary][data-state=ready]').waitFor();
    await close();
  });

  test('a registry goes away while it is looked at: what was read stays, and the rest says why', async () => {
    const { page, id, close } = await harness.open({ scenario: 'leaving' }, {}, '#/browse');
    const row = (name: string) => page.locator(`[data-testid=browse-row][data-name="${name}"]`);
    await row('team').locator('[data-toggle]').click();
    await row('team/web').locator('[data-toggle]').click();
    await row('1.27.0').waitFor();
    await row('team/api').locator('[data-toggle]').click();
    await id('browse-failed').waitFor();
    expect(await id('browse-failed').textContent()).toContain('does not answer');
    // what to do is there in full, within its line
    const cut = await id('browse-remedy').evaluate((remedy) => {
      const row = remedy.closest('[role=row]')?.getBoundingClientRect();
      const own = remedy.getBoundingClientRect();
      return remedy.scrollWidth > remedy.clientWidth || !row || own.bottom > row.bottom || own.top < row.top;
    });
    expect(cut).toBe(false);
    await id('browse-refresh').click();
    await id('browse-refused').waitFor();
    // what was ticked before can still be taken
    await row('1.27.0').locator('[data-check]').click();
    await id('selection-add').click();
    await id('set-rule').waitFor();
    await close();
  });

  test('100 000 tags: read page by page, chosen all, drawn a few at a time', async () => {
    const { page, id, close } = await harness.open({ scenario: 'many', latency: '0' }, {}, '#/browse');
    const row = (name: string) => page.locator(`[data-testid=browse-row][data-name="${name}"]`);
    await row('library').locator('[data-toggle]').click();
    await id('browse-filter').fill('archive');
    await row('library/archive').locator('[data-toggle]').click();
    await row('build-100000').click();
    await id('browse-filter').fill('');
    await id('browse-grid').focus();
    await page.keyboard.press('Control+A');
    await expect.poll(() => id('selection-sum').textContent()).toContain('100,000');
    expect(await id('browse-row').count()).toBeLessThan(60);
    await close();
  });

  test('in a narrow window the panes are steps', async () => {
    const { page, id, close } = await harness.open({}, { width: 800, height: 700 }, '#/browse');
    await page.locator('[data-name="team"] [data-check]').click();
    await id('selection-add').click();
    await id('step-set').click();
    await id('set-rule').first().waitFor();
    await id('step-destination').click();
    await id('destination').waitFor();
    await id('step-choose').click();
    await id('browse-grid').waitFor();
    await close();
  });

  test('work goes on while the screen is left, and is found again', async () => {
    const opened = await harness.open({ hold: 'run', ...quick }, {}, '#/compare/team-mirror');
    await opened.id('profile-compare').click();
    await opened.id('plan-start').click();
    await opened.id('run-progress').waitFor();
    await opened.id('nav-settings').click();
    await opened.id('settings-version').waitFor();
    await opened.id('status-run').click();
    await opened.id('run-cancel').click();
    await opened.id('run-result').waitFor();
    await opened.close();
  });

  test('the language is switched while a run goes on', async () => {
    const opened = await harness.open({ hold: 'run', ...quick }, {}, '#/compare/team-mirror');
    await opened.id('profile-compare').click();
    await opened.id('plan-start').click();
    await opened.id('run-progress').waitFor();
    await opened.go('#/settings');
    await opened.id('settings-language-zh-CN').check();
    await opened.id('status-run').click();
    await opened.page.getByText('复制中').first().waitFor();
    expect(await opened.page.evaluate(() => document.documentElement.lang)).toBe('zh-CN');
    await opened.close();
  });
});

describe('primitives under the CSP', () => {
  test('the CSP is the app’s own and is in force', async () => {
    expect(CSP).toContain("style-src 'self'");
    expect(CSP).not.toContain('unsafe-inline');
    const opened = await harness.open({});
    const blocked = await opened.page.evaluate(() => {
      const span = document.createElement('div');
      span.innerHTML = '<b style="color: rgb(1, 2, 3)">x</b>';
      document.body.append(span);
      const color = getComputedStyle(span.firstElementChild as Element).color;
      span.remove();
      return color !== 'rgb(1, 2, 3)';
    });
    expect(blocked).toBe(true);
    // the violation that was made on purpose is told on the console
    await expect.poll(() => opened.wrong.splice(0).join()).toMatch(/Content Security Policy/);
    await opened.close();
  });

  test('a menu opens at its button, by the keyboard too, and gives the focus back', async () => {
    const opened = await harness.open({}, {}, '#/profiles');
    const { page, id } = opened;
    const trigger = id('profile-menu').first();
    await trigger.focus();
    await page.keyboard.press('Enter');
    await id('profile-rename').waitFor();
    await expect.poll(() => focused(opened)).toBe('profile-rename');
    const [button, menu] = await Promise.all([trigger.boundingBox(), page.locator('.menu').boundingBox()]);
    expect(
      Math.abs((menu?.x ?? 0) + (menu?.width ?? 0) - (button?.x ?? 0) - (button?.width ?? 0)),
    ).toBeLessThan(3);
    await page.keyboard.press('ArrowDown');
    await expect.poll(() => focused(opened)).toBe('profile-duplicate');
    await page.keyboard.press('Escape');
    await expect.poll(() => focused(opened)).toBe('profile-menu');
    await opened.close();
  });

  test('a dialog with one button keeps the focus (bits-ui 1903), and gives it back', async () => {
    const opened = await harness.open({});
    const { page } = opened;
    await opened.id('home-profile').first().waitFor();
    await opened.id('nav-accounts').focus();
    await page.keyboard.press('?');
    await opened.id('shortcuts').waitFor();
    const inside = (): Promise<boolean> =>
      page.evaluate(() => document.querySelector('[role=dialog]')?.contains(document.activeElement) ?? false);
    for (const key of ['Tab', 'Tab', 'Shift+Tab', 'Tab']) {
      await page.keyboard.press(key);
      expect(await inside(), key).toBe(true);
    }
    await page.keyboard.press('Escape');
    await expect.poll(() => focused(opened)).toBe('nav-accounts');
    await opened.close();
  });

  test('a tooltip names an icon', async () => {
    const opened = await harness.open({}, {}, '#/accounts');
    await opened.id('account-edit').first().hover();
    await opened.page.locator('.tip', { hasText: 'Edit Docker Hub' }).waitFor();
    await opened.close();
  });

  test('a question over a sheet: Esc keeps editing', async () => {
    const opened = await harness.open({}, {}, '#/accounts/new');
    const { page, id } = opened;
    await id('account-address').fill('r.io');
    await page.keyboard.press('Escape');
    await id('confirm-no').waitFor();
    await page.keyboard.press('Escape');
    await id('confirm-no').waitFor({ state: 'detached' });
    expect(await id('account-address').inputValue()).toBe('r.io');
    await id('account-cancel').click();
    await id('confirm-yes').click();
    await id('account-sheet').waitFor({ state: 'detached' });
    await opened.close();
  });
});

describe('the grid', () => {
  async function many(): Promise<Opened> {
    const opened = await harness.open({ scenario: 'many', ...quick }, {}, '#/compare/team-mirror');
    await opened.id('profile-compare').click();
    await opened.page.locator('[data-testid=plan-summary][data-state=ready]').waitFor();
    return opened;
  }

  test('20 000 rows by the keyboard: the current row is always in the document', async () => {
    const opened = await many();
    const { page } = opened;
    await opened.id('image-grid').focus();
    const current = (): Promise<string> =>
      page.evaluate(() => {
        const id = document.activeElement?.getAttribute('aria-activedescendant') ?? '';
        return document.getElementById(id)?.getAttribute('aria-rowindex') ?? `no row ${id}`;
      });
    await page.keyboard.press('ArrowDown');
    await expect.poll(current).toBe('2');
    await page.keyboard.press('End');
    await expect.poll(current).toBe('20001');
    await page.keyboard.press('PageUp');
    await expect.poll(async () => Number(await current())).toBeLessThan(20_001);
    await page.keyboard.press('Home');
    await expect.poll(current).toBe('2');
    await page.keyboard.press('ArrowRight');
    await opened.id('image-fact').first().waitFor();
    await page.keyboard.press('ArrowRight');
    await expect.poll(current).toBe('3');
    await page.keyboard.press('Control+C');
    await expect
      .poll(() => page.evaluate(() => navigator.clipboard.readText()))
      .toMatch(/^docker\.io\/library\//);
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('ArrowLeft');
    await opened.id('image-fact').first().waitFor({ state: 'detached' });
    await opened.close();
  });

  test('a row opens to its platforms, and a platform to its blobs', async () => {
    const opened = await harness.open(quick, {}, '#/compare/team-mirror');
    const { page, id } = opened;
    await id('profile-compare').click();
    await page.locator('[data-testid=plan-summary][data-state=ready]').waitFor();
    await id('filter-copy').click();
    await id('image-row').first().dblclick();
    const platform = page.locator('[data-testid=image-manifest][data-platform="linux/arm64/v8"]');
    await platform.waitFor();
    expect(await platform.getAttribute('aria-level')).toBe('2');
    await platform.dblclick();
    await id('image-blob').first().waitFor();
    // the last of them is out of sight
    await id('image-grid').hover();
    await page.mouse.wheel(0, 200);
    await expect.poll(() => id('image-blob').count()).toBe(5);
    expect(await id('image-blob').first().getAttribute('aria-level')).toBe('3');
    expect(await id('image-blob').nth(1).textContent()).toMatch(/^\s*Layer\s*(Copy|There already|Mountable)/);
    // the arrow goes back to the platform, and closes it
    await id('image-blob').first().click();
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('ArrowLeft');
    await id('image-blob').first().waitFor({ state: 'detached' });
    await opened.close();
  });

  test('the wheel: rows are there wherever it stops', async () => {
    const opened = await many();
    const { page } = opened;
    await opened.id('image-grid').hover();
    for (let turn = 0; turn < 10; turn += 1) await page.mouse.wheel(0, 40_000);
    await expect
      .poll(async () => Number(await opened.id('image-row').first().getAttribute('data-id')))
      .toBeGreaterThan(5000);
    expect(await opened.id('image-row').count()).toBeLessThan(60);
    await opened.close();
  });

  test('the box that was clicked keeps the focus wherever it is scrolled to', async () => {
    const opened = await many();
    const { page, id } = opened;
    const box = page.locator('[data-testid=image-row]').getByTestId('image-switch').nth(3);
    await box.click();
    const row = (): Promise<string | null | undefined> =>
      page.evaluate(() => document.activeElement?.closest('[role=row]')?.getAttribute('aria-rowindex'));
    const clicked = await row();
    expect(clicked).toBeTruthy();
    for (const way of [3000, 40_000, -60_000]) {
      await page.mouse.wheel(0, way);
      await page.waitForTimeout(100);
      expect(await row()).toBe(clicked);
    }
    await page.mouse.wheel(0, 5000);
    await page.keyboard.press('Space');
    await expect.poll(() => id('plan-summary').getAttribute('data-off')).toBe('0');
    await opened.close();
  });
});

describe('room', () => {
  test.for([
    ['the smallest window', 1024, 720],
    ['twice as large', 512, 360],
  ] as const)('%s: nothing is cut off at the side', async ([, width, height]) => {
    const opened = await harness.open(quick, { width, height }, '#/compare/team-mirror');
    await opened.id('profile-compare').click();
    await opened.page.locator('[data-testid=plan-summary][data-state=ready]').waitFor();
    for (const hash of [
      '#/compare/team-mirror',
      '#/home',
      '#/accounts',
      '#/profiles/team-mirror',
      '#/import',
      '#/history',
      '#/history/2026-996',
      '#/settings',
    ]) {
      await opened.go(hash);
      await opened.page.waitForTimeout(150);
      const over = await opened.page.evaluate(
        () =>
          [document.documentElement, ...document.querySelectorAll('main > .content')].filter(
            (element) => element.scrollWidth > element.clientWidth + 1,
          ).length,
      );
      expect(over, hash).toBe(0);
      const start = opened.id('plan-start');
      if (hash.includes('compare')) await start.click({ trial: true });
    }
    await opened.close();
  });
});
