// Which entries of a tree are ticked. A tick is for all that is below, also what is not read yet; what is below may differ.

import type { Checked } from '../design/treegrid/checked';
import type { Node } from './browse.svelte';

export class Selection {
  version = $state(0);
  /** Entries that differ from what they are below. */
  #own = new Map<Node, boolean>();
  /** How many of these are below an entry. */
  #below = new Map<Node, number>();

  get isEmpty(): boolean {
    void this.version;
    return this.#own.size === 0;
  }

  /** Whether an entry is ticked, by itself or by what it is below. */
  isOn(node: Node): boolean {
    for (let each: Node | null = node; each; each = each.parent) {
      const own = this.#own.get(each);
      if (own !== undefined) return own;
    }
    return false;
  }

  /** Whether something below differs from it. */
  isMixed(node: Node): boolean {
    return (this.#below.get(node) ?? 0) > 0;
  }

  /** How its box looks. */
  state(node: Node): Checked {
    void this.version;
    if (!this.isMixed(node)) return this.isOn(node) ? 'on' : 'off';
    return this.#isFull(node) ? 'on' : 'mixed';
  }

  set(nodes: Node[], to: boolean): void {
    for (const node of nodes) this.#set(node, to);
    this.version += 1;
  }

  clear(): void {
    this.#own.clear();
    this.#below.clear();
    this.version += 1;
  }

  /** An entry is no more. */
  forget(node: Node): void {
    this.#clearBelow(node);
    this.#put(node, null);
    this.version += 1;
  }

  /** Everything below is ticked one by one, and there is no more of it. */
  #isFull(node: Node): boolean {
    const branch = node.below;
    if (!branch || branch.more || branch.state !== 'ready' || branch.nodes.length === 0) return false;
    if ((this.#below.get(node) ?? 0) < branch.nodes.length) return false;
    return branch.nodes.every((each) => this.state(each) === 'on');
  }

  #set(node: Node, to: boolean): void {
    this.#clearBelow(node);
    const inherited = node.parent ? this.isOn(node.parent) : false;
    this.#put(node, to === inherited ? null : to);
  }

  #clearBelow(node: Node): void {
    if (!this.isMixed(node)) return;
    for (const each of node.below?.nodes ?? []) {
      this.#clearBelow(each);
      this.#put(each, null);
    }
  }

  #put(node: Node, to: boolean | null): void {
    const had = this.#own.has(node);
    if (to === null) this.#own.delete(node);
    else this.#own.set(node, to);
    const change = Number(to !== null) - Number(had);
    if (change === 0) return;
    for (let each = node.parent; each; each = each.parent) {
      const count = (this.#below.get(each) ?? 0) + change;
      if (count > 0) this.#below.set(each, count);
      else this.#below.delete(each);
    }
  }
}
