import './design/base.css';
import { mount } from 'svelte';
import type { Backend } from './backend/backend';
import Root from './app/Root.svelte';

// decided when it is built: the real app has no trace of the fake
async function backend(): Promise<Backend> {
  if (import.meta.env.MODE === 'fake') return (await import('./backend/fake')).fake(location.search);
  return (await import('./backend/tauri')).tauri;
}

const target = document.getElementById('app');
if (target) mount(Root, { target, props: { backend: await backend() } });
