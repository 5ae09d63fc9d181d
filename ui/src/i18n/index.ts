export { m } from './messages/messages.js';
export { fit, locale, setLocale, type Locale } from './locale.svelte';
export { plural } from './plural';
