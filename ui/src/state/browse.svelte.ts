// Looking around at registries: a tree whose branches are read as they are opened, page by page, and kept.

import { Problem, type Backend } from '../backend/backend';
import type { BrowseEntry, BrowsePage, ImageDetails, KeptName, TypedName } from '../backend/types';
import { plain } from '../text/plain';
import { Selection } from './selection.svelte';

/** What a line of the tree is: an entry, or what stands below one in place of entries. */
export type LineKind = 'entry' | 'loading' | 'failed' | 'none' | 'more';
const KINDS: LineKind[] = ['entry', 'loading', 'failed', 'none', 'more'];

export interface Line {
  kind: LineKind;
  level: number;
  /** The entry; of the other kinds, the one that they stand below, or null at the top. */
  node: Node | null;
  /** Its own name fits the filter. */
  fits?: boolean;
  /** The entry is open: here, because a node tells nobody when it changes. */
  open?: boolean;
}

/** What is below an entry, or at the top. */
export class Branch {
  state: 'idle' | 'loading' | 'ready' | 'failed' = 'idle';
  nodes: Node[] = [];
  /** How many of them are of the list, and not typed. */
  listed = 0;
  listId = '';
  more = false;
  fetchedAt = '';
  error: Problem | null = null;
  /** What the request under way is given up by. */
  token = '';
}

export class Node {
  open = false;
  readonly below: Branch | null;

  constructor(
    readonly id: number,
    readonly parent: Node | null,
    readonly entry: BrowseEntry,
    /** It was typed: no list has it. */
    readonly typed = false,
  ) {
    this.below = entry.kind === 'platform' ? null : new Branch();
  }

  get level(): number {
    return this.parent ? this.parent.level + 1 : 1;
  }

  /** The repository that it is, or is in. */
  get repository(): string {
    if (this.entry.kind === 'platform') return this.parent?.repository ?? '';
    return this.entry.kind === 'tag' ? (this.parent?.entry.name ?? '') : this.entry.name;
  }

  /** The tag that it is, or is a platform of. */
  get tag(): string | null {
    if (this.entry.kind === 'platform') return this.parent?.tag ?? null;
    return this.entry.kind === 'tag' ? this.entry.name : null;
  }
}

export class Tree {
  text = $state('');
  version = $state(0);
  readonly top = new Branch();
  readonly typed: Node[] = [];
  readonly selection = new Selection();
  #ids = 0;
  /** Above none, changes are shown later. */
  #quiet = 0;

  constructor(
    private readonly backend: Backend,
    readonly accountId: string | null,
    readonly host: string,
    readonly namespace: string | null,
  ) {}

  readonly lines: Line[] = $derived.by(() => {
    void this.version;
    const wanted = plain(this.text).trim().toLowerCase();
    const lines: Line[] = [];
    for (const node of this.typed) this.#pile(lines, node, wanted);
    this.#branch(lines, this.top, null, wanted);
    return lines;
  });

  /** How many entries are there, whatever the filter. */
  get count(): number {
    void this.version;
    return this.top.nodes.length + this.typed.length;
  }

  keyOf(index: number): number {
    const line = this.lines[index];
    return line ? (line.node?.id ?? 0) * KINDS.length + KINDS.indexOf(line.kind) : -1;
  }

  reference(node: Node): string {
    const at = `${this.host}/${node.repository}`;
    return node.tag === null ? at : `${at}:${node.tag}`;
  }

  async start(): Promise<void> {
    if (this.top.state !== 'idle') return;
    await Promise.all([this.#keep(), this.#read(this.top, null, false)]);
  }

  /** Takes a name that was typed off the list. */
  async drop(node: Node): Promise<void> {
    await this.backend.browseDrop(this.host, node.entry.name);
    if (node.below) this.#giveUp(node.below);
    const at = this.typed.indexOf(node);
    if (at >= 0) this.typed.splice(at, 1);
    this.#changed();
  }

  async refresh(node: Node | null): Promise<void> {
    const branch = node ? node.below : this.top;
    if (branch) await this.#read(branch, node, true);
  }

  toggle(node: Node, open: boolean): void {
    if (!node.below) return;
    node.open = open;
    this.#changed();
    if (open && ['idle', 'failed'].includes(node.below.state)) void this.#read(node.below, node, false);
    // what nobody sees need not go on
    if (!open) this.#giveUp(node.below);
  }

  /** Another page of what is below. */
  async more(node: Node | null): Promise<void> {
    const branch = node ? node.below : this.top;
    if (!branch?.more || branch.state !== 'ready') return;
    const token = this.#begin(branch);
    const from = branch.listed;
    try {
      const page = await this.backend.browseMore({ token, listId: branch.listId, from });
      if (branch.token === token) this.#take(branch, node, page);
    } catch (thrown) {
      const problem = Problem.from(thrown);
      // it was forgotten meanwhile: from the beginning then
      if (branch.token === token && problem.code === 'gone') await this.#read(branch, node, true);
      else this.#fail(branch, token, problem);
    }
  }

  /** Reads what is below to its end; what fails is thrown. */
  async whole(node: Node | null): Promise<void> {
    const branch = node ? node.below : this.top;
    if (!branch) return;
    if (['idle', 'failed'].includes(branch.state)) await this.#read(branch, node, false);
    // hundreds of pages of a list of 100 000: drawn once, at the end
    this.#quiet += 1;
    try {
      while (branch.state === 'ready' && branch.more) await this.more(node);
    } finally {
      this.#quiet -= 1;
      this.#changed();
    }
    if (branch.error) throw branch.error;
    // it was given up meanwhile
    if (branch.state !== 'ready') throw new Problem({ code: 'cancelled', message: 'it was given up' });
  }

  /**
   * What *all* means where the focus is: with a filter every entry whose name fits, wherever it is; without one, the
   * entries beside the row. What is open is read to its end first.
   */
  async matching(focused: Line | undefined): Promise<Node[]> {
    if (this.text.trim() === '') {
      const parent = focused?.node ? (focused.kind === 'entry' ? focused.node.parent : focused.node) : null;
      await this.whole(parent);
      return [...(parent ? [] : this.typed), ...(parent?.below ?? this.top).nodes];
    }
    const opened = (branch: Branch): Node[] =>
      branch.nodes.flatMap((each) => (each.open && each.below ? [each, ...opened(each.below)] : []));
    const branches = [...this.typed.filter((each) => each.open), ...opened(this.top)];
    const typed = this.typed.flatMap((each) => (each.below ? opened(each.below) : []));
    for (const node of [null, ...branches, ...typed]) {
      const branch = node ? node.below : this.top;
      if (branch?.state === 'ready' && branch.more) await this.whole(node);
    }
    return this.lines.filter((line) => line.kind === 'entry' && line.fits).map((line) => line.node as Node);
  }

  /** Names that were typed stand at the top. */
  add(names: TypedName[]): void {
    for (const name of names) {
      if (!name.repository) continue;
      const node = this.#named(name.repository);
      if (!name.tag || !this.#nameTag(node, name.tag)) continue;
      node.open = true;
      if (node.below?.state === 'idle') void this.#read(node.below, node, false);
    }
    this.#changed();
  }

  /** Those that were kept from before; nothing is read for them until they are opened. */
  async #keep(): Promise<void> {
    let kept: KeptName[] = [];
    try {
      kept = await this.backend.browseKept(this.host);
    } catch {
      // the lists of the registry are there all the same; adding a name tells what is wrong with the file
      return;
    }
    const within = this.namespace === null ? '' : `${this.namespace}/`;
    for (const { repository, tags } of kept) {
      if (!repository.startsWith(within)) continue;
      const node = this.#named(repository);
      for (const tag of tags) this.#nameTag(node, tag);
    }
    this.#changed();
  }

  /** The node of a repository that was named. */
  #named(repository: string): Node {
    const known = this.typed.find((each) => each.entry.name === repository);
    if (known) return known;
    const node = new Node((this.#ids += 1), null, entryOf(repository, 'repository'), true);
    this.typed.push(node);
    return node;
  }

  #nameTag(node: Node, tag: string): boolean {
    const below = node.below;
    if (!below || below.nodes.some((each) => each.entry.name === tag)) return false;
    below.nodes.unshift(new Node((this.#ids += 1), node, entryOf(tag, 'tag'), true));
    return true;
  }

  /** The screen is left: nobody waits any more. What was read stays. */
  leave(): void {
    const visit = (branch: Branch | null): void => {
      if (!branch) return;
      this.#giveUp(branch);
      for (const node of branch.nodes) visit(node.below);
    };
    visit(this.top);
    for (const node of this.typed) visit(node.below);
  }

  #changed(): void {
    if (this.#quiet === 0) this.version += 1;
  }

  #giveUp(branch: Branch): void {
    if (branch.state !== 'loading') return;
    const { token } = branch;
    branch.token = '';
    branch.state = branch.listId ? 'ready' : 'idle';
    this.#changed();
    void this.backend.browseCancel(token).catch(() => undefined);
  }

  #begin(branch: Branch): string {
    const token = crypto.randomUUID();
    Object.assign(branch, { state: 'loading', error: null, token });
    this.#changed();
    return token;
  }

  async #read(branch: Branch, node: Node | null, refresh: boolean): Promise<void> {
    const token = this.#begin(branch);
    const kind = node?.entry.kind;
    const ask = async (repository: string | null, namespace: string | null): Promise<BrowsePage> =>
      this.backend.browseOpen({
        token,
        accountId: this.accountId,
        host: this.host,
        namespace,
        repository,
        refresh,
      });
    try {
      if (node && kind === 'tag') {
        await this.#readPlatforms(branch, node, token, refresh);
        return;
      }
      let page: BrowsePage;
      if (node && kind === 'repository') page = await ask(node.entry.name, null);
      else page = await ask(null, node ? node.entry.name : this.namespace);
      // what may be both: without children it has tags
      if (node && kind === 'either' && page.entries.length === 0) page = await ask(node.entry.name, null);
      if (branch.token !== token) return;
      for (const gone of branch.nodes) if (!gone.typed) this.selection.forget(gone);
      branch.nodes = branch.nodes.filter((each) => each.typed);
      branch.listed = 0;
      if (node && kind === 'either' && page.entries[0] && page.entries[0].kind !== 'tag') {
        const own = { ...node.entry, kind: 'repository' };
        branch.nodes.push(new Node((this.#ids += 1), node, own, true));
      }
      this.#take(branch, node, page);
    } catch (thrown) {
      this.#fail(branch, token, Problem.from(thrown));
    }
  }

  /** The platforms of a tag: as its list told them, or as the image itself does. */
  async #readPlatforms(branch: Branch, node: Node, token: string, refresh: boolean): Promise<void> {
    let entries = node.entry.platforms.map((name) => entryOf(name, 'platform'));
    if (entries.length === 0) {
      const { accountId } = this;
      const details = await this.backend.browseDetails({
        token,
        accountId,
        reference: this.reference(node),
        refresh,
      });
      if (branch.token !== token) return;
      entries = platformsOf(details);
    }
    for (const gone of branch.nodes) this.selection.forget(gone);
    branch.nodes = [];
    branch.listed = 0;
    this.#take(branch, node, { listId: '', from: 0, entries, more: false, fetchedAt: '' });
  }

  #take(branch: Branch, node: Node | null, page: BrowsePage): void {
    // those that were typed come first
    const known = new Set<string>();
    for (const each of branch.nodes) {
      if (!each.typed) break;
      known.add(each.entry.name);
    }
    branch.listed += page.entries.length;
    for (const entry of page.entries) {
      if (known.has(entry.name) && entry.kind === 'tag') continue;
      branch.nodes.push(new Node((this.#ids += 1), node, entry));
    }
    const { listId, more, fetchedAt } = page;
    Object.assign(branch, { state: 'ready', listId, more, fetchedAt, token: '' });
    this.#changed();
  }

  #fail(branch: Branch, token: string, problem: Problem): void {
    if (branch.token !== token) return;
    Object.assign(branch, { state: 'failed', error: problem, token: '' });
    this.#changed();
  }

  #branch(lines: Line[], branch: Branch, parent: Node | null, wanted: string): void {
    const level = parent ? parent.level + 1 : 1;
    for (const node of branch.nodes) this.#pile(lines, node, wanted);
    if (branch.state === 'loading') lines.push({ kind: 'loading', level, node: parent });
    else if (branch.state === 'failed' && parent) lines.push({ kind: 'failed', level, node: parent });
    else if (branch.state === 'ready' && branch.more) lines.push({ kind: 'more', level, node: parent });
    else if (branch.state === 'ready' && branch.nodes.length === 0 && parent) {
      lines.push({ kind: 'none', level, node: parent });
    }
  }

  #pile(lines: Line[], node: Node, wanted: string): void {
    const fits = wanted === '' || plain(node.entry.name).toLowerCase().includes(wanted);
    const at = lines.length;
    lines.push({ kind: 'entry', level: node.level, node, fits, open: node.open });
    // below what fits, everything is shown
    if (node.open && node.below) this.#branch(lines, node.below, node, fits ? '' : wanted);
    // what has not been read yet may fit: it is read on while its line is in sight
    const open = (kind: LineKind): boolean => ['entry', 'more', 'loading'].includes(kind);
    if (!fits && !lines.slice(at + 1).some(({ kind }) => open(kind))) lines.length = at;
  }
}

function platformsOf({ images }: ImageDetails): BrowseEntry[] {
  const named = images.filter(({ platform, attestation }) => platform !== null && !attestation);
  const seen = new Set<string>();
  return named.flatMap(({ platform, size, created, digest, mediaType }) => {
    if (!platform || seen.has(platform)) return [];
    seen.add(platform);
    return [{ ...entryOf(platform, 'platform'), size, created, digest, mediaType }];
  });
}

function entryOf(name: string, kind: string): BrowseEntry {
  return {
    name,
    kind,
    usable: true,
    count: null,
    size: null,
    created: null,
    updated: null,
    digest: null,
    mediaType: null,
    platforms: [],
    public: null,
    signed: null,
  };
}

/** Which registry is looked at, and what was read of each. */
export class Browse {
  tree = $state.raw<Tree | null>(null);
  /** The id of the account that is picked; empty for a registry that is typed. */
  picked = $state('');
  /** The registry that is typed. */
  typed = $state('');
  #trees = new Map<string, Tree>();

  constructor(private readonly backend: Backend) {}

  /** Shows an account's registry. */
  account(id: string, address: string): void {
    this.picked = id;
    this.#show(id, address);
  }

  /** Shows `host[/namespace]` with whichever account fits, or none. */
  registry(address: string): void {
    this.picked = '';
    this.#show(
      null,
      address
        .trim()
        .replace(/^https?:\/\//, '')
        .replace(/\/+$/, ''),
    );
  }

  names(tree: Tree, text: string): Promise<TypedName[]> {
    return this.backend.browseNames(tree.host, text);
  }

  #show(accountId: string | null, address: string): void {
    this.tree?.leave();
    const key = `${accountId ?? ''} ${address}`;
    let tree = this.#trees.get(key);
    if (!tree) {
      const slash = address.indexOf('/');
      const host = slash < 0 ? address : address.slice(0, slash);
      const namespace = slash < 0 ? null : address.slice(slash + 1);
      const make = (): Tree => new Tree(this.backend, accountId, host, namespace);
      // what it derives must outlive the screen that asks for it first
      let made: Tree | null = null;
      $effect.root(() => void (made = make()));
      tree = made ?? make();
      this.#trees.set(key, tree);
    }
    this.tree = tree;
    void tree.start();
  }
}
