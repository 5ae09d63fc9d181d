// References as people read them. For showing only: Rust owns the grammar.

export interface ReferenceParts {
  /** `quay.io`: is shortened first when space is short. Empty where there is no more than a name. */
  host: string;
  /** `/team/`: then this. */
  path: string;
  /** `nginx`: the last component. */
  name: string;
  /** `:1.27` or `@sha256:0123…`, with its sign. */
  selector: string;
}

/** Cuts a reference, or a rule's source, where it may be shortened. */
export function split(text: string): ReferenceParts {
  const { repository, selector } = cut(text);
  const name = repository.lastIndexOf('/') + 1;
  const host = Math.max(repository.indexOf('/'), 0);
  return {
    host: repository.slice(0, host),
    path: repository.slice(host, name),
    name: repository.slice(name),
    selector,
  };
}

/** The repository, and what selects in it, with its sign (`:` or `@`). */
export function cut(text: string): { repository: string; selector: string } {
  const expression = text.indexOf(':/');
  if (expression > 0 && !text.slice(0, expression).includes('@') && text.endsWith('/')) {
    return { repository: text.slice(0, expression), selector: text.slice(expression) };
  }
  const at = text.indexOf('@');
  const before = at < 0 ? text : text.slice(0, at);
  const colon = before.indexOf(':', before.lastIndexOf('/') + 1);
  const end = colon >= 0 ? colon : before.length;
  return { repository: text.slice(0, end), selector: text.slice(end) };
}

/** `@sha256:0123456789ab…` */
export function shortDigest(selector: string): string {
  return selector.replace(/(@?sha(?:256|512):[0-9a-f]{12})[0-9a-f]{20,}/g, '$1…');
}
