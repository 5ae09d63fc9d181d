// Every screen and state, in both themes and languages: axe is clean (contrast included), and a picture of it is kept
// in artifacts/ui to be looked at.

import { afterAll, beforeAll, describe, test } from 'vitest';
import { Harness, type Look, type Opened } from './browser';

const harness = new Harness();
beforeAll(() => harness.start());
afterAll(() => harness.stop());

interface Shot {
  name: string;
  query: Record<string, string>;
  hash?: string;
  /** Until it is as it should be. */
  until: (opened: Opened) => Promise<void>;
}

const quick = { tick: '15' };
const seen = (testid: string) => async (opened: Opened) => opened.id(testid).first().waitFor();

async function planned({ id, page }: Opened): Promise<void> {
  await id('profile-compare').click();
  await page.locator('[data-testid=plan-summary][data-state=ready]').waitFor();
}

async function running(opened: Opened): Promise<void> {
  await planned(opened);
  await opened.id('plan-start').click();
  await opened.page.locator('[data-testid=run-phase][data-phase=copying]').waitFor();
  await opened.page.waitForTimeout(700);
}

/** A run that stays in a phase. */
const staying =
  (phase: string) =>
  async (opened: Opened): Promise<void> => {
    await planned(opened);
    await opened.id('plan-start').click();
    await opened.page.locator(`[data-testid=run-phase][data-phase=${phase}]`).waitFor();
    await opened.page.waitForTimeout(400);
  };

async function ran(opened: Opened): Promise<void> {
  await planned(opened);
  await opened.id('plan-start').click();
  await opened.id('run-result').waitFor();
}

/** Opens rows of the tree one after the other. */
const opened =
  (...names: string[]) =>
  async ({ page }: Opened): Promise<void> => {
    for (const name of names) {
      const row = page.locator(`[data-testid=browse-row][data-name="${name}"]`).first();
      await row.locator('[data-toggle]').click();
      await page.locator('[data-testid=browse-row], [data-testid=browse-failed]').nth(1).waitFor();
    }
    await page.locator('[data-testid=browse-loading]').waitFor({ state: 'detached' });
  };

/** Ticks rows of the tree. */
const ticked =
  (...names: string[]) =>
  async ({ page }: Opened): Promise<void> => {
    for (const name of names) {
      await page.locator(`[data-testid=browse-row][data-name="${name}"] [data-check]`).first().click();
    }
  };

/** A set of two rules. */
async function collected(page: Opened): Promise<void> {
  await opened('team', 'team/web')(page);
  await ticked('team/api', '1.27.0')(page);
  await page.id('selection-add').click();
  const narrow = page.id('step-set');
  if (await narrow.isVisible()) await narrow.click();
  await page.id('set-rule').first().waitFor();
}

const SHOTS: Shot[] = [
  { name: 'home-empty', query: { scenario: 'empty' }, until: seen('home-try-demo') },
  { name: 'home', query: {}, until: seen('home-profile') },
  {
    name: 'home-running',
    query: { hold: 'run', ...quick },
    hash: '#/compare/team-mirror',
    until: async (opened) => {
      await running(opened);
      await opened.go('#/compare/nightly');
      await running(opened);
      await opened.go('#/home');
      await opened.id('profile-running').nth(1).waitFor();
    },
  },
  { name: 'home-names', query: { scenario: 'names' }, until: seen('home-profile') },
  { name: 'home-error', query: { scenario: 'broken' }, until: seen('error-title') },
  { name: 'accounts', query: {}, hash: '#/accounts', until: seen('account-row') },
  { name: 'accounts-empty', query: { scenario: 'empty' }, hash: '#/accounts', until: seen('account-add') },
  { name: 'accounts-names', query: { scenario: 'names' }, hash: '#/accounts', until: seen('account-row') },
  {
    name: 'accounts-locked',
    query: { scenario: 'locked' },
    hash: '#/accounts',
    until: seen('keyring-notice'),
  },
  { name: 'account-new', query: {}, hash: '#/accounts/new', until: seen('account-address') },
  {
    name: 'account-edit',
    query: {},
    hash: '#/accounts/lab',
    until: async ({ id }) => id('account-insecure').waitFor(),
  },
  {
    name: 'account-check-running',
    query: { hold: 'check' },
    hash: '#/accounts/quay',
    until: async ({ id, page }) => {
      await id('account-test').click();
      await page.locator('[data-testid=check-step-registry][data-state=passed]').waitFor();
    },
  },
  {
    name: 'account-check-failed',
    query: { scenario: 'failing' },
    hash: '#/accounts/quay',
    until: async ({ id, page }) => {
      await id('account-test').click();
      await page.locator('[data-testid=account-check-result][data-state=failed]').waitFor();
      await page.locator('.body').evaluate((body) => body.scrollTo(0, body.scrollHeight));
    },
  },
  {
    name: 'account-trust',
    query: {},
    hash: '#/accounts/new',
    until: async ({ id }) => {
      await id('account-address').fill('lab.untrusted');
      await id('account-test').click();
      await id('check-trust').click();
      await id('trust-facts').waitFor();
    },
  },
  {
    name: 'account-remove',
    query: {},
    hash: '#/accounts',
    until: async ({ id }) => {
      await id('account-remove').first().click();
      await id('confirm-yes').waitFor();
    },
  },
  {
    name: 'keyring',
    query: { scenario: 'nokeyring' },
    hash: '#/accounts',
    until: async ({ id }) => {
      await id('keyring-open').click();
      await id('keyring-dialog').waitFor();
    },
  },
  { name: 'browse', query: {}, hash: '#/browse', until: opened('team', 'team/web') },
  {
    name: 'browse-set',
    query: {},
    hash: '#/browse',
    until: async (page) => {
      await collected(page);
      if (!(await page.id('step-set').isVisible())) await ticked('1.26.0', '1.25.0')(page);
      await page.page.locator('[data-testid=preview-counts]').first().waitFor();
    },
  },
  {
    name: 'browse-set-unfolded',
    query: {},
    hash: '#/browse',
    until: async (page) => {
      await collected(page);
      await page.id('set-rule-line').first().click();
      await page.id('preview-pair').first().waitFor();
    },
  },
  {
    name: 'browse-destination',
    query: {},
    hash: '#/browse',
    until: async (page) => {
      await collected(page);
      await page.id('set-destination').click();
      await page.id('destination-account').selectOption('lab');
      await page.id('mapping-prefix').click();
      await page.page.locator('[data-testid=pair]', { hasText: 'harbor.lab' }).first().waitFor();
    },
  },
  {
    name: 'browse-destination-many',
    query: { scenario: 'many' },
    hash: '#/browse',
    until: async (page) => {
      await opened('library')(page);
      await page.page.locator('[data-name="library/service-0000"] [data-check]').click();
      await page.page
        .locator('[data-name="library/service-0004"] [data-check]')
        .click({ modifiers: ['Shift'] });
      await page.id('selection-add').click();
      await page.id('set-destination').click();
      await page.id('destination-account').selectOption('lab');
      await page.id('mapping-last').click();
      await page.page.locator('[data-testid=pair]', { hasText: 'harbor.lab' }).first().waitFor();
    },
  },
  { name: 'browse-names', query: { scenario: 'names' }, hash: '#/browse', until: opened('team') },
  {
    name: 'browse-many',
    query: { scenario: 'many' },
    hash: '#/browse',
    until: opened('library', 'library/service-0000'),
  },
  {
    name: 'browse-failed-branch',
    query: {},
    hash: '#/browse',
    until: opened('team', 'team/denied', 'team/empty'),
  },
  {
    name: 'browse-refused',
    query: {},
    hash: '#/browse',
    until: async ({ id }) => {
      await id('browse-account').selectOption('acr');
      await id('browse-refused').waitFor();
    },
  },
  {
    name: 'browse-add',
    query: {},
    hash: '#/browse',
    until: async ({ id }) => {
      await id('browse-account').selectOption('acr');
      await id('browse-refused').waitFor();
      await id('browse-add').click();
      await id('browse-names-text').fill('team/app:1.27.0\nTeam/web');
      await id('browse-names-add').click();
      await id('browse-names-wrong').waitFor();
    },
  },
  {
    name: 'browse-leaving',
    query: { scenario: 'leaving' },
    hash: '#/browse',
    until: async (page) => {
      await opened('team', 'team/web', 'team/api')(page);
      await page.id('browse-failed').waitFor();
    },
  },
  {
    name: 'browse-archive',
    query: { scenario: 'many' },
    hash: '#/browse',
    until: async (page) => {
      await opened('library')(page);
      await page.id('browse-filter').fill('archive');
      await opened('library/archive')(page);
    },
  },
  {
    name: 'browse-long-name',
    query: { scenario: 'names' },
    hash: '#/browse',
    until: async (page) => {
      await opened('team')(page);
      await page.page.locator('[data-name*="very-long"] [data-check]').click();
      await page.id('selection-add').click();
      await page.id('set-rule').first().waitFor();
    },
  },
  {
    name: 'account-aws',
    query: {},
    hash: '#/accounts/new',
    until: async ({ id, page }) => {
      await id('account-address').fill('123456789012.dkr.ecr.eu-west-1.amazonaws.com');
      await page.keyboard.press('Tab');
      await page.getByTestId('account-kind').waitFor();
    },
  },
  {
    name: 'account-google',
    query: {},
    hash: '#/accounts/new',
    until: async ({ id, page }) => {
      await id('account-address').fill('europe-docker.pkg.dev/acme/images');
      await page.keyboard.press('Tab');
      await page.getByTestId('account-kind').waitFor();
    },
  },
  {
    name: 'run-graph',
    query: { hold: 'run', tick: '250' },
    hash: '#/compare/team-mirror',
    until: async (opened) => {
      await running(opened);
      await opened.page.waitForTimeout(500);
    },
  },
  { name: 'browse-down', query: { scenario: 'failing' }, hash: '#/browse', until: seen('browse-refused') },
  { name: 'browse-loading', query: { hold: 'browse' }, hash: '#/browse', until: seen('browse-loading') },
  { name: 'browse-empty', query: { scenario: 'empty' }, hash: '#/browse', until: seen('browse-host') },
  {
    name: 'browse-details',
    query: {},
    hash: '#/browse',
    until: async (page) => {
      await opened('team', 'team/web')(page);
      await page.id('browse-details').first().click();
      await page.id('browse-image').first().waitFor();
      await page.id('browse-image').first().locator('summary').click();
    },
  },
  { name: 'profiles', query: {}, hash: '#/profiles', until: seen('profile-row') },
  { name: 'profiles-empty', query: { scenario: 'empty' }, hash: '#/profiles', until: seen('profile-new') },
  {
    name: 'profiles-menu',
    query: {},
    hash: '#/profiles',
    until: async ({ id }) => {
      await id('profile-menu').first().click();
      await id('profile-duplicate').waitFor();
    },
  },
  { name: 'editor-new', query: {}, hash: '#/profiles/new', until: seen('profile-name') },
  {
    name: 'editor-details',
    query: {},
    hash: '#/profiles/team-mirror',
    until: async ({ id, page }) => {
      await id('rule-more-0').click();
      await id('rule-newest-0').fill('3');
      await id('rule-by-created-0').click();
      await id('rule-platforms-own-0').click();
      await page.locator('[data-testid=preview-counts], [data-testid=preview-configs]').first().waitFor();
      await id('rule-source-0').scrollIntoViewIfNeeded();
    },
  },
  {
    name: 'editor-policy',
    query: {},
    hash: '#/profiles/team-mirror',
    until: async ({ id }) => {
      await id('profile-limits').click();
      await id('profile-bandwidth').fill('50');
      await id('profile-bandwidth').scrollIntoViewIfNeeded();
    },
  },
  {
    name: 'profile-original',
    query: {},
    hash: '#/profiles',
    until: async ({ id }) => {
      await id('profile-menu').first().click();
      await id('profile-original').click();
      await id('original-note').first().waitFor();
    },
  },
  {
    name: 'profiles-broken',
    query: { scenario: 'failing' },
    hash: '#/profiles',
    until: seen('profile-broken'),
  },
  {
    name: 'profile-rename',
    query: {},
    hash: '#/profiles',
    until: async ({ id }) => {
      await id('profile-menu').first().click();
      await id('profile-rename').click();
      await id('rename-name').waitFor();
    },
  },
  { name: 'editor', query: {}, hash: '#/profiles/team-mirror', until: seen('rule-destination-2-1') },
  {
    name: 'editor-problems',
    query: {},
    hash: '#/profiles/new',
    until: async ({ id }) => {
      await id('rule-source-0').fill('quay.io/Team/app:1.0');
      await id('profile-save').click();
      await id('rule-error-source-0').waitFor();
    },
  },
  { name: 'import', query: {}, hash: '#/import', until: seen('import-images') },
  {
    name: 'import-report',
    query: {},
    hash: '#/import',
    until: async ({ id }) => {
      await id('import-images').fill('/home/acme/images.yaml');
      await id('import-auth').fill('/home/acme/auth.yaml');
      await id('import-start').click();
      await id('import-report').waitFor();
    },
  },
  {
    name: 'import-error',
    query: {},
    hash: '#/import',
    until: async ({ id }) => {
      await id('import-images').fill('/home/acme/bad.yaml');
      await id('import-start').click();
      await id('error-title').waitFor();
    },
  },
  {
    name: 'compare-ready',
    query: {},
    until: async ({ id }) => {
      await id('home-try-demo').click();
      await id('profile-compare').waitFor();
    },
  },
  {
    name: 'compare-planning',
    query: { hold: 'plan', ...quick },
    hash: '#/compare/team-mirror',
    until: async ({ id, page }) => {
      await id('profile-compare').click();
      await page.locator('[data-testid=filter-copy]').waitFor();
      await page.waitForTimeout(400);
    },
  },
  { name: 'compare', query: quick, hash: '#/compare/team-mirror', until: planned },
  {
    name: 'compare-open',
    query: { scenario: 'failing', ...quick },
    hash: '#/compare/team-mirror',
    until: async (opened) => {
      await planned(opened);
      await opened.id('filter-failed').click();
      await opened.id('image-row').first().dblclick();
      await opened.id('image-fact').first().waitFor();
    },
  },
  {
    name: 'compare-parts',
    query: quick,
    hash: '#/compare/team-mirror',
    until: async (opened) => {
      await planned(opened);
      await opened.id('filter-copy').click();
      await opened.id('image-row').first().dblclick();
      const platforms = opened.page.locator('[data-testid=image-manifest][aria-expanded=false]');
      await platforms.first().dblclick();
      await opened.id('image-blob').first().waitFor();
    },
  },
  {
    name: 'compare-blocked',
    query: { scenario: 'blocked', ...quick },
    hash: '#/compare/team-mirror',
    until: planned,
  },
  { name: 'compare-names', query: { scenario: 'names', ...quick }, hash: '#/compare/rtl', until: planned },
  {
    name: 'compare-many',
    query: { scenario: 'many', ...quick },
    hash: '#/compare/team-mirror',
    until: planned,
  },
  {
    name: 'run',
    query: { hold: 'run', ...quick },
    hash: '#/compare/team-mirror',
    until: running,
  },
  {
    name: 'run-planning',
    query: { hold: 'planning', ...quick },
    hash: '#/compare/team-mirror',
    until: staying('planning'),
  },
  {
    name: 'run-verifying',
    query: { hold: 'verifying', ...quick },
    hash: '#/compare/team-mirror',
    until: staying('verifying'),
  },
  { name: 'run-done', query: quick, hash: '#/compare/team-mirror', until: ran },
  {
    name: 'run-failed',
    query: { scenario: 'failing', ...quick },
    hash: '#/compare/team-mirror',
    until: ran,
  },
  {
    name: 'run-failed-open',
    query: { scenario: 'failing', ...quick },
    hash: '#/compare/team-mirror',
    until: async (opened) => {
      await ran(opened);
      await opened.id('image-row').first().locator('[data-toggle]').click();
      await opened.id('image-log').waitFor();
    },
  },
  {
    name: 'run-cancelled',
    query: { hold: 'run', ...quick },
    hash: '#/compare/team-mirror',
    until: async (opened) => {
      await running(opened);
      await opened.id('run-cancel').click();
      await opened.id('run-result').waitFor();
    },
  },
  {
    name: 'compare-by-hand',
    query: quick,
    hash: '#/compare/team-mirror',
    until: async (opened) => {
      await planned(opened);
      await opened.id('image-switch').first().click();
      await opened.id('image-switch').nth(3).click();
      await opened.id('plan-overwritten').locator('summary').click();
      await opened.id('plan-overwritten-tag').first().waitFor();
    },
  },
  {
    name: 'run-paused',
    query: { hold: 'run', ...quick },
    hash: '#/compare/team-mirror',
    until: async (opened) => {
      await running(opened);
      await opened.id('run-pause').click();
      await opened.id('run-paused').waitFor();
    },
  },
  {
    name: 'compare-waiting',
    query: { scenario: 'waiting', hold: 'plan', ...quick },
    hash: '#/compare/team-mirror',
    until: async (opened) => {
      await opened.id('profile-compare').click();
      await opened.id('run-waits').waitFor();
    },
  },
  {
    name: 'run-waiting',
    query: { scenario: 'waiting', hold: 'run', ...quick },
    hash: '#/compare/team-mirror',
    until: async (opened) => {
      await running(opened);
      await opened.id('run-waits').waitFor();
    },
  },
  {
    name: 'run-limits',
    query: { hold: 'run', ...quick },
    hash: '#/compare/team-mirror',
    until: async (opened) => {
      await running(opened);
      await opened.id('run-limits').click();
      await opened.id('limits-bandwidth').fill('10');
    },
  },
  {
    name: 'run-many',
    query: { scenario: 'many', hold: 'run', ...quick },
    hash: '#/compare/team-mirror',
    until: running,
  },
  {
    name: 'run-log',
    query: { scenario: 'failing', ...quick },
    hash: '#/compare/team-mirror',
    until: async (opened) => {
      await ran(opened);
      await opened.id('run-log').click();
      await opened.id('log-line').first().waitFor();
    },
  },
  {
    name: 'run-export',
    query: quick,
    hash: '#/compare/team-mirror',
    until: async (opened) => {
      await ran(opened);
      await opened.id('run-report').click();
      await opened.id('export-junit').waitFor();
    },
  },
  { name: 'history', query: {}, hash: '#/history', until: seen('history-run') },
  { name: 'history-empty', query: { scenario: 'empty' }, hash: '#/history', until: seen('nav-history') },
  { name: 'history-error', query: { scenario: 'broken' }, hash: '#/history', until: seen('error-title') },
  { name: 'history-many', query: { scenario: 'many' }, hash: '#/history', until: seen('history-more') },
  { name: 'history-names', query: { scenario: 'names' }, hash: '#/history', until: seen('history-run') },
  { name: 'history-detail', query: {}, hash: '#/history/2026-996', until: seen('run-result') },
  { name: 'history-gone', query: {}, hash: '#/history/none', until: seen('nav-history') },
  {
    name: 'history-verify',
    query: { scenario: 'failing' },
    hash: '#/history/2026-1000',
    until: async ({ id }) => {
      await id('history-menu').click();
      await id('history-verify').click();
      await id('verify-problem').first().waitFor();
    },
  },
  { name: 'home-interrupted', query: { scenario: 'interrupted' }, until: seen('interrupted') },
  {
    name: 'history-interrupted',
    query: { scenario: 'interrupted' },
    hash: '#/history/2026-1000',
    until: seen('run-continue'),
  },
  { name: 'settings', query: {}, hash: '#/settings', until: seen('settings-version') },
  {
    name: 'settings-down',
    query: {},
    hash: '#/settings',
    until: async ({ page, id }) => {
      await id('settings-version').waitFor();
      await page.locator('main > .content').evaluate((content) => content.scrollTo(0, content.scrollHeight));
    },
  },
  {
    name: 'palette',
    query: {},
    until: async ({ page, id }) => {
      await id('home-profile').first().waitFor();
      await page.keyboard.press('Control+K');
      await id('palette-option').first().waitFor();
    },
  },
  {
    name: 'shortcuts',
    query: {},
    until: async ({ page, id }) => {
      await id('home-profile').first().waitFor();
      await page.keyboard.press('?');
      await id('shortcuts').waitFor();
    },
  },
];

/** The system's theme, which the page follows while it is open. */
const THEMES = ['light', 'dark'] as const;

async function shoot(shot: Shot, look: Look, suffix: (theme: string) => string): Promise<void> {
  const opened = await harness.open({ theme: 'system', ...shot.query }, look, shot.hash);
  try {
    await shot.until(opened);
    for (const theme of THEMES) {
      await opened.page.emulateMedia({ colorScheme: theme });
      await opened.page.locator(`html[data-theme=${theme}]`).waitFor();
      await opened.page.waitForTimeout(60);
      await opened.picture(`${shot.name}${suffix(theme)}`);
      await opened.axe(theme === THEMES[0] ? 'all' : 'colours');
    }
  } finally {
    // a page that is left open goes on, and slows down all that come after it
    await opened.close();
  }
}

/** `PICTURES=browse-set,editor` makes these alone. */
const only = process.env['PICTURES']?.split(',');
const wanted = (shot: Shot): boolean => only?.includes(shot.name) ?? true;

for (const lang of ['en', 'zh-CN'] as const) {
  describe.concurrent(lang, () => {
    test.for(SHOTS.filter(wanted))('$name', (shot) => shoot(shot, { lang }, (theme) => `-${theme}-${lang}`));
  });
}

// the smallest window, twice as large (200 % zoom halves the page), and high contrast
const LOOKS: { name: string; look: Look }[] = [
  { name: 'small', look: { width: 1024, height: 720 } },
  { name: 'zoom', look: { width: 512, height: 360, scale: 2 } },
  { name: 'contrast', look: { contrast: 'more' } },
];
const SOME = [
  'home',
  'accounts',
  'account-edit',
  'browse-set',
  'browse-destination',
  'editor',
  'compare-blocked',
  'run',
  'run-failed',
  'run-paused',
  'history',
  'history-detail',
  'palette',
  'settings',
];

for (const { name, look } of SHOTS.some((shot) => SOME.includes(shot.name) && wanted(shot)) ? LOOKS : []) {
  describe.concurrent(name, () => {
    test.for(SHOTS.filter((shot) => SOME.includes(shot.name) && wanted(shot)))('$name', (shot) =>
      shoot(shot, look, (theme) => `-${name}-${theme}`),
    );
  });
}
