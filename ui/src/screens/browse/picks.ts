// What is ticked in a tree, as rules; and its count and bytes.

import type { RuleDraft } from '../../backend/types';
import type { Node, Tree } from '../../state/browse.svelte';
import { blankRule } from '../../text/rule';

export interface Totals {
  /** Repositories of which all is ticked, whatever they will have; and namespaces, whose repositories are not all known. */
  repositories: number;
  namespaces: number;
  tags: number;
  /** Bytes of the tags whose size the list tells, and how many these are. */
  bytes: number;
  sized: number;
}

/** Counts what is ticked, as far as it is read. */
export function totals(tree: Tree): Totals {
  const { selection } = tree;
  void selection.version;
  const sum: Totals = { repositories: 0, namespaces: 0, tags: 0, bytes: 0, sized: 0 };
  if (selection.isEmpty) return sum;
  const tag = (node: Node): void => {
    sum.tags += 1;
    const size = sizeOf(tree, node);
    if (size === null) return;
    sum.bytes += size;
    sum.sized += 1;
  };
  const visit = (node: Node): void => {
    const on = selection.isOn(node);
    const mixed = selection.isMixed(node);
    if ((!on && !mixed) || !node.entry.usable) return;
    if (node.entry.kind === 'tag') return tag(node);
    const { below } = node;
    if (on && isNamespace(node) && below?.state !== 'ready') sum.namespaces += 1;
    else if (on && !isNamespace(node)) sum.repositories += 1;
    for (const each of below?.nodes ?? []) visit(each);
  };
  for (const node of [...tree.typed, ...tree.top.nodes]) visit(node);
  return sum;
}

/** The rules that say what is ticked. Namespaces that are ticked are read to their end first. */
export async function rules(tree: Tree): Promise<RuleDraft[]> {
  const { selection } = tree;
  const found: RuleDraft[] = [];
  const visit = async (node: Node): Promise<void> => {
    const on = selection.isOn(node);
    if ((!on && !selection.isMixed(node)) || !node.entry.usable) return;
    if (isNamespace(node)) {
      if (on) await tree.whole(node);
      for (const each of node.below?.nodes ?? []) await visit(each);
    } else found.push(...ofRepository(tree, node, on));
  };
  for (const node of [...tree.typed, ...tree.top.nodes]) await visit(node);
  return found;
}

/** It has repositories below it, as far as is known; one that may be both has tags where nothing else is there. */
function isNamespace(node: Node): boolean {
  if (node.entry.kind === 'either') {
    const first = node.below?.nodes[0];
    return node.below?.state !== 'ready' || (first !== undefined && first.entry.kind !== 'tag');
  }
  return node.entry.kind === 'namespace';
}

function ofRepository(tree: Tree, node: Node, on: boolean): RuleDraft[] {
  const { selection } = tree;
  const source = tree.reference(node);
  const tags: string[] = [];
  const without: string[] = [];
  const parts = new Map<string, { tags: string[]; platforms: string[] }>();
  for (const each of node.below?.nodes ?? []) {
    if (!each.entry.usable) continue;
    const { name } = each.entry;
    if (selection.isMixed(each) && selection.state(each) === 'mixed') {
      without.push(name);
      const platforms = (each.below?.nodes ?? [])
        .filter((one) => selection.isOn(one))
        .map((one) => one.entry.name);
      const key = platforms.join(' ');
      const part = parts.get(key) ?? { tags: [], platforms };
      part.tags.push(name);
      parts.set(key, part);
    } else if (selection.state(each) === 'on') tags.push(name);
    else without.push(name);
  }
  const found: RuleDraft[] = [];
  if (on) {
    const rule = blankRule(source, []);
    rule.tags.exclude = without;
    found.push(rule);
  } else if (tags.length > 0) found.push(blankRule(`${source}:${tags.join(',')}`, []));
  for (const part of parts.values()) {
    for (const platforms of byOs(part.platforms)) {
      found.push({ ...blankRule(`${source}:${part.tags.join(',')}`, []), platforms });
    }
  }
  return found;
}

/** `linux/arm/v7` is `linux` with `arm:v7`. A rule keeps any of its systems with any of its architectures: one for each. */
export function byOs(platforms: string[]): { os: string[]; arch: string[] }[] {
  const systems = new Map<string, string[]>();
  for (const platform of platforms) {
    const [name, version = ''] = platform.split(':');
    const [os = '', ...arch] = (name ?? '').split('/');
    const system = version ? `${os}:${version}` : os;
    systems.set(system, [...(systems.get(system) ?? []), arch.join(':')]);
  }
  return [...systems].map(([os, arch]) => ({ os: [os], arch }));
}

function sizeOf(tree: Tree, tag: Node): number | null {
  if (!tree.selection.isMixed(tag)) return tag.entry.size;
  const chosen = (tag.below?.nodes ?? []).filter((each) => tree.selection.isOn(each));
  return chosen.reduce<number | null>(
    (sum, { entry }) => (sum === null || entry.size === null ? null : sum + entry.size),
    0,
  );
}
