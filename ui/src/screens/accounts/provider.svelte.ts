// Which provider an account is at, and the address that comes of its form and what fills the form's holes.

import type { AddressTemplate, Provider, ProviderText } from '../../backend/types';
import { locale } from '../../i18n';

/** A text in the language that is shown. */
export function inLanguage(text: ProviderText): string {
  return locale() === 'zh-CN' ? text.zh : text.en;
}

const escape = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** Whether a host fits a pattern, in which each star stands for one or more characters. */
function fits(pattern: string, host: string): boolean {
  return new RegExp(`^${pattern.split('*').map(escape).join('.+')}$`).test(host);
}

/** The provider that an address belongs to, where its host tells. */
export function providerOf(providers: Provider[], address: string): Provider | null {
  const host = address.trim().split('/')[0]?.toLowerCase() ?? '';
  return providers.find((each) => each.hosts.some((pattern) => fits(pattern, host))) ?? null;
}

/** Without a scheme and slashes at the end. */
const bare = (text: string): string =>
  text
    .trim()
    .replace(/^https?:\/\//, '')
    .replace(/\/+$/, '');

/** What fills the holes of a template to make an address, or null where it is of another form. */
function holesOf(template: AddressTemplate, address: string): Record<string, string> | null {
  const pattern = template.template.split(/\{\w+\}/).map(escape);
  const found = new RegExp(`^${pattern.join('([^/]+?)')}(?:/.*)?$`, 'i').exec(bare(address));
  if (!found) return null;
  return Object.fromEntries(template.holes.map((hole, at) => [hole, found[at + 1] ?? '']));
}

export class ProviderChoice {
  id = $state('');
  form = $state(0);
  holes = $state<Record<string, string>>({});
  providers = $state.raw<Provider[]>([]);

  constructor(providers: Provider[] = [], id = '') {
    this.providers = providers;
    this.id = id;
  }

  get provider(): Provider | null {
    return this.providers.find((each) => each.id === this.id) ?? null;
  }

  get template(): AddressTemplate | null {
    return this.provider?.addresses[this.form] ?? null;
  }

  /** The holes that have fields of their own; where all of the host is one, the address itself is the field. */
  get fields(): string[] {
    const holes = this.template?.holes ?? [];
    return holes.includes('host') ? [] : holes;
  }

  choose(id: string): void {
    this.id = id;
    this.form = 0;
    this.holes = {};
  }

  /** Takes form and holes from an address, where it is of one of the provider's forms. */
  read(address: string): void {
    const forms = this.provider?.addresses ?? [];
    // a form that names more of the host goes before one that takes any
    const found = forms
      .map((template, at) => ({ at, holes: holesOf(template, address), length: template.template.length }))
      .filter(({ holes }) => holes !== null)
      .sort((a, b) => b.length - a.length)[0];
    if (!found?.holes) return;
    this.form = found.at;
    this.holes = found.holes;
  }

  /** The address, or null while a hole is empty. */
  get address(): string | null {
    const template = this.template;
    if (!template) return null;
    let address = template.template;
    for (const hole of template.holes) {
      const value = bare(this.holes[hole] ?? '');
      if (!value) return null;
      address = address.replace(`{${hole}}`, value);
    }
    return address;
  }
}
