// Registries to look around at: one that lists projects, one that lists nothing, one with thousands of tags, one that
// is down.

import { Problem } from '../backend';
import type {
  BrowseEntry,
  BrowsePage,
  BrowseRequest,
  DetailsRequest,
  ImageDetails,
  ImagePart,
  KeptName,
  MoreRequest,
  TypedName,
} from '../types';
import { ago } from './data';
import type { Scenario } from './scenario';
import { sentence } from './sentence';

const PAGE = 100;
/** Of repositories with many tags. */
const COUNTS: Record<string, number> = { nightly: 4200, archive: 100_000 };
const HEX = '0123456789abcdef';

function digest(seed: string): string {
  let state = [...seed].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 0x7fffffff, 7);
  let hex = '';
  for (let at = 0; at < 64; at += 1) {
    state = (state * 48271) % 0x7fffffff;
    hex += HEX[state % 16];
  }
  return `sha256:${hex}`;
}

function entry(name: string, kind: string, part: Partial<BrowseEntry> = {}): BrowseEntry {
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
    ...part,
  };
}

function tag(repository: string, name: string, at: number): BrowseEntry {
  const part = {
    size: 31_400_000 + ((at * 7_654_321) % 90_000_000),
    updated: ago(3 + at * 11),
    digest: digest(repository + name),
    mediaType: 'application/vnd.oci.image.index.v1+json',
    platforms: at % 3 === 0 ? ['linux/amd64'] : ['linux/amd64', 'linux/arm64'],
    signed: at % 4 === 0,
  };
  return entry(name, 'tag', part);
}

interface List {
  entries: BrowseEntry[];
  fetchedAt: string;
}

export class FakeBrowse {
  #how: Scenario;
  #lists = new Map<string, List>();
  #kept = new Map<string, KeptName[]>();
  #waiting = new Map<string, (problem: Problem) => void>();
  #asked = 0;

  constructor(how: Scenario) {
    this.#how = how;
  }

  async open(request: BrowseRequest): Promise<BrowsePage> {
    await this.#wait(request.token);
    const id = [request.host, request.namespace, request.repository].join('|');
    let list = this.#lists.get(id);
    if (!list || request.refresh) {
      list = { entries: this.#entries(request), fetchedAt: new Date().toISOString() };
      this.#lists.set(id, list);
    }
    return page(id, list, 0);
  }

  async more({ token, listId, from }: MoreRequest): Promise<BrowsePage> {
    await this.#wait(token);
    const list = this.#lists.get(listId);
    if (!list) throw new Problem({ code: 'gone', message: 'there is no such list any more' });
    return page(listId, list, from);
  }

  async details({ token, accountId, reference }: DetailsRequest): Promise<ImageDetails> {
    await this.#wait(token);
    if (this.#how.name === 'failing') throw down(reference.split('/')[0] ?? '');
    const part = (platform: string, at: number): ImagePart => ({
      digest: digest(reference + platform),
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      platform,
      attestation: false,
      size: 41_200_000 + at * 1_234_567,
      created: ago(70),
      layers: [28_200_000, 12_100_000, 900_000 + at * 1_234_567].map((size, layer) => ({
        digest: digest(`${reference}${layer < 2 ? '' : platform}${layer}`),
        mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
        size,
      })),
    });
    return {
      accountId,
      reference,
      digest: digest(reference),
      mediaType: 'application/vnd.oci.image.index.v1+json',
      kind: 'index',
      artifactType: null,
      size: 44_800_000,
      signed: true,
      annotations: { 'org.opencontainers.image.source': 'https://git.example.com/team/app' },
      images: ['linux/amd64', 'linux/arm64', 'linux/arm/v7'].map(part),
      referrers: [
        { digest: digest('sig'), artifactType: '.sig', tag: 'sha256-….sig' },
        { digest: digest('sbom'), artifactType: 'application/spdx+json', tag: null },
      ],
      warnings: [],
      fetchedAt: new Date().toISOString(),
    };
  }

  /** Something that can be given up by its token. */
  async waited<T>(token: string, work: () => T): Promise<T> {
    await this.#wait(token);
    return work();
  }

  /** The tags of a repository: of a list that is known, or asked for. */
  tags(host: string, repository: string, ask: boolean): BrowseEntry[] | null {
    const id = [host, null, repository].join('|');
    const known = this.#lists.get(id);
    if (known) return known.entries;
    if (!ask) return null;
    const entries = this.#entries({
      token: '',
      accountId: null,
      host,
      namespace: null,
      repository,
      refresh: false,
    });
    this.#lists.set(id, { entries, fetchedAt: new Date().toISOString() });
    return entries;
  }

  repositories(host: string, ask: boolean): string[] | null {
    if (!ask) return null;
    const open = (namespace: string | null): BrowseEntry[] =>
      this.#entries({ token: '', accountId: null, host, namespace, repository: null, refresh: false });
    return open(null).flatMap(({ name }) => open(name).map((entry) => entry.name));
  }

  cancel(token: string): null {
    this.#waiting.get(token)?.(new Problem({ code: 'cancelled', message: 'it was given up' }));
    return null;
  }

  /** A little of what Rust reads. */
  names(host: string, text: string): TypedName[] {
    return text
      .split(/[\s,;]+/)
      .filter((word) => word !== '')
      .map((word) => {
        const bare = word.startsWith(`${host}/`) ? word.slice(host.length + 1) : word;
        const [repository = '', tagName = null] = bare.split(':');
        const at = repository.search(/[A-Z]/);
        if (at >= 0) {
          const why = sentence('name_upper', { c: repository.charAt(at) });
          const problem = sentence('its_repository', { why });
          return { text: word, repository: null, tag: null, problem, reason: 'wrong' };
        }
        const kept = this.kept(host).filter((each) => each.repository !== repository);
        this.#kept.set(host, [...kept, { repository, tags: tagName ? [tagName] : [] }]);
        return { text: word, repository, tag: tagName, problem: null, reason: null };
      });
  }

  kept(host: string): KeptName[] {
    return this.#kept.get(host) ?? [];
  }

  drop(host: string, repository: string): null {
    this.#kept.set(
      host,
      this.kept(host).filter((each) => each.repository !== repository),
    );
    return null;
  }

  async #wait(token: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#waiting.set(token, reject);
      if (this.#how.hold !== 'browse') setTimeout(resolve, this.#how.latency);
    }).finally(() => this.#waiting.delete(token));
  }

  #entries({ host, namespace, repository }: BrowseRequest): BrowseEntry[] {
    const { name } = this.#how;
    // the registry answers three times, and then no more
    if (name === 'leaving' && (this.#asked += 1) > 3) throw down(host);
    if (name === 'failing' || host.startsWith('down.')) throw down(host);
    if (repository !== null) {
      if (repository.endsWith('/denied')) {
        throw new Problem({
          code: 'access.pull-denied',
          message: `listing the tags failed: ${host}/${repository}: HTTP 403 denied (after 1 try in 0.1 s)`,
          params: { host },
        });
      }
      if (repository.endsWith('/empty')) return [];
      const count = COUNTS[repository.slice(repository.lastIndexOf('/') + 1)] ?? (name === 'many' ? 4200 : 7);
      return Array.from({ length: count }, (_, at) =>
        tag(repository, count > 7 ? `build-${String(count - at).padStart(5, '0')}` : `1.${27 - at}.0`, at),
      );
    }
    if (host.includes('aliyuncs') || host === 'ghcr.io') {
      throw new Problem({
        code: 'catalog.unsupported',
        message: `the registry does not list its repositories for us: registry ${host}: HTTP 401 (after 2 tries in 0.3 s)`,
        hint: `Name the repositories one by one: ${host} does not list them.`,
        params: { host },
      });
    }
    if (name === 'empty' && namespace === null && !host.includes('.')) return [];
    const projects = ['library', 'team', 'platform', 'research'];
    if (namespace === null) {
      return projects.map((project, at) =>
        entry(project, 'namespace', { count: 5 + at * 7, created: ago(9000 + at), public: at === 0 }),
      );
    }
    const names =
      name === 'many'
        ? [...Array.from({ length: 1500 }, (_, at) => `service-${String(at).padStart(4, '0')}`), 'archive']
        : ['api', 'web', 'worker', 'nightly', 'denied', 'empty'];
    const list = names.map((each, at) =>
      entry(`${namespace}/${each}`, 'repository', {
        count: COUNTS[each] ?? 7,
        updated: ago(5 + at * 31),
      }),
    );
    if (name === 'names') {
      list.unshift(
        entry(`${namespace}/\u202egpj.exe`, 'repository', { usable: false }),
        entry(`${namespace}/${'very-long-name-'.repeat(16)}until-250`.slice(0, 250), 'repository', {
          count: 3,
        }),
      );
    }
    return list;
  }
}

function page(listId: string, { entries, fetchedAt }: List, from: number): BrowsePage {
  return {
    listId,
    from,
    entries: structuredClone(entries.slice(from, from + PAGE)),
    more: entries.length > from + PAGE,
    fetchedAt,
  };
}

function down(host: string): Problem {
  return new Problem({
    code: 'net.timeout',
    message: `contacting the registry failed: no answer came for 30.0 s: registry ${host} (after 4 tries in 31.5 s)`,
    hint: `Check the way to ${host}: firewall, VPN, proxy.`,
    params: { host },
  });
}
