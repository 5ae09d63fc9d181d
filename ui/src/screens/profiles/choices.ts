// Where several accounts fit a side of a rule equally well, and which of them is used.

import type { Account, Profile } from '../../backend/types';
import { cut } from '../../text/reference';

export interface Choice {
  /** What is looked up in the profile's `accounts`: `host/path`. */
  key: string;
  accounts: Account[];
  /** The id of the one that is used. */
  chosen: string;
}

/** One for each place of the rules that has a choice, in their order. */
export function choices(profile: Profile, accounts: Account[]): Choice[] {
  const found: Choice[] = [];
  for (const { source, destinations } of profile.rules) {
    for (const text of [source, ...destinations]) {
      const key = place(text);
      if (!key || found.some((each) => each.key === key)) continue;
      const fitting = accounts.filter(({ address }) => `${key}/`.startsWith(`${address}/`));
      const longest = Math.max(...fitting.map(({ address }) => address.split('/').length));
      const equals = fitting.filter(({ address }) => address.split('/').length === longest);
      const first = equals[0];
      if (!first || equals.length < 2) continue;
      const named = profile.accounts[key];
      const chosen = equals.some(({ id }) => id === named) ? (named as string) : first.id;
      found.push({ key, accounts: equals, chosen });
    }
  }
  return found;
}

/** `docker.io/library/nginx` of `nginx:1.27`; of a pattern, the components before it. */
function place(text: string): string | null {
  const { repository } = cut(text.trim());
  const whole = repository.split('/');
  const host = whole[0] ?? '';
  const isHost = whole.length > 1 && (/[.:]/.test(host) || host === 'localhost');
  const path = isHost ? whole : ['docker.io', ...(whole.length === 1 ? ['library'] : []), ...whole];
  const end = path.findIndex((part, at) => at > 0 && !/^[a-z0-9]+(?:[._-]+[a-z0-9]+)*$/.test(part));
  const plain = end < 0 ? path : path.slice(0, end);
  return repository === '' || plain.length === 0 ? null : plain.join('/');
}
