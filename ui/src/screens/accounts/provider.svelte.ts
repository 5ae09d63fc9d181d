// Which provider an account is at, and the address that comes of its form and what fills the form's holes.

import type { AddressTemplate, Provider, ProviderText, SecretKind } from '../../backend/types';
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

export class ProviderChoice {
  id = $state('');
  form = $state(0);
  holes = $state<Record<string, string>>({});
  #providers: Provider[];

  constructor(providers: Provider[], id = '') {
    this.#providers = providers;
    this.id = id;
  }

  get provider(): Provider | null {
    return this.#providers.find((each) => each.id === this.id) ?? null;
  }

  get template(): AddressTemplate | null {
    return this.provider?.addresses[this.form] ?? null;
  }

  get secrets(): SecretKind[] {
    return this.provider?.secrets ?? [];
  }

  choose(id: string): void {
    this.id = id;
    this.form = 0;
    this.holes = {};
  }

  /** The address, or null while a hole is empty. A whole host in a hole is taken as it is, without its scheme. */
  get address(): string | null {
    const template = this.template;
    if (!template) return null;
    let address = template.template;
    for (const hole of template.holes) {
      const value = (this.holes[hole] ?? '')
        .trim()
        .replace(/^https?:\/\//, '')
        .replace(/\/+$/, '');
      if (!value) return null;
      address = address.replace(`{${hole}}`, value);
    }
    return address;
  }
}
