// Screens by the address's hash. Small on purpose.

export type Route =
  | { screen: 'home' | 'browse' | 'profiles' | 'import' | 'settings' }
  /** With the sheet of one open: an id, `new`, or none. */
  | { screen: 'accounts'; open?: string }
  | { screen: 'editor'; id: string | null }
  | { screen: 'compare'; profileId: string }
  | { screen: 'run'; runId: string }
  /** The list, or one run of it. */
  | { screen: 'history'; id?: string };

export function parse(hash: string): Route {
  const [screen, id] = hash
    .replace(/^#?\/?/, '')
    .split('/')
    .map((part) => {
      try {
        return decodeURIComponent(part);
      } catch {
        return '';
      }
    });
  switch (screen) {
    case 'accounts':
      return id ? { screen, open: id } : { screen };
    case 'browse':
    case 'import':
    case 'settings':
      return { screen };
    case 'profiles':
      if (!id) return { screen };
      return { screen: 'editor', id: id === 'new' ? null : id };
    case 'compare':
      return id ? { screen, profileId: id } : { screen: 'profiles' };
    case 'history':
      return id ? { screen, id } : { screen };
    case 'run':
      return id ? { screen, runId: id } : { screen: 'home' };
    default:
      return { screen: 'home' };
  }
}

export function address(route: Route): string {
  switch (route.screen) {
    case 'editor':
      return `#/profiles/${encodeURIComponent(route.id ?? 'new')}`;
    case 'accounts':
      return route.open ? `#/accounts/${encodeURIComponent(route.open)}` : '#/accounts';
    case 'history':
      return route.id ? `#/history/${encodeURIComponent(route.id)}` : '#/history';
    case 'compare':
      return `#/compare/${encodeURIComponent(route.profileId)}`;
    case 'run':
      return `#/run/${encodeURIComponent(route.runId)}`;
    default:
      return `#/${route.screen}`;
  }
}

export class Router {
  route = $state.raw<Route>({ screen: 'home' });
  /** Asked before a screen is left; for forms with changes. */
  guard: (() => Promise<boolean>) | null = null;

  /** Follows the address from now on. */
  start(): () => void {
    this.route = parse(location.hash);
    const follow = (): void => void this.#follow();
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }

  go(route: Route): void {
    location.hash = address(route);
  }

  async #follow(): Promise<void> {
    const next = parse(location.hash);
    if (address(next) === address(this.route)) return;
    const guard = this.guard;
    if (guard && !(await guard())) {
      history.replaceState(null, '', address(this.route));
      return;
    }
    this.guard = null;
    this.route = next;
  }
}
