import globals from 'globals';
import svelte from 'eslint-plugin-svelte';
import ts from 'typescript-eslint';
import svelteConfig from './svelte.config.js';

const only = (name, message) => ({
  'no-restricted-imports': ['error', { patterns: [{ group: name, message }] }],
});

const tauri = ['@tauri-apps/*'];
const primitives = ['bits-ui', 'bits-ui/*'];

export default ts.config(
  { ignores: ['node_modules', 'dist', 'dist-fake', 'src/i18n/messages', 'src/backend/generated.ts'] },
  ...ts.configs.strict,
  ...svelte.configs.recommended,
  {
    languageOptions: { globals: { ...globals.browser, ...globals.node } },
    rules: {
      'no-console': 'error',
      eqeqeq: 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      // registry strings are text, never markup; styles live in style sheets (CSP)
      'svelte/no-at-html-tags': 'error',
      'no-restricted-syntax': [
        'error',
        {
          selector: 'SvelteAttribute[key.name="style"]',
          message: 'The CSP forbids style attributes: use a class, or style:property.',
        },
      ],
      // plain Map and Set are meant where they are never changed after they were shown
      'svelte/prefer-svelte-reactivity': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
    },
  },
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: {
      parserOptions: { parser: ts.parser, extraFileExtensions: ['.svelte'], svelteConfig },
    },
  },
  {
    files: ['src/**/*.{ts,svelte}'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            { group: tauri, message: 'Only src/backend/tauri.ts speaks to Tauri.' },
            { group: primitives, message: 'Wrap primitives in src/design.' },
          ],
        },
      ],
    },
  },
  { files: ['src/backend/tauri.ts'], rules: only(primitives, 'Wrap primitives in src/design.') },
  { files: ['src/design/**'], rules: only(tauri, 'Only src/backend/tauri.ts speaks to Tauri.') },
);
