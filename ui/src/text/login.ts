// What people paste into the address field: a login command, an image reference, or just an address.

export interface Pasted {
  address: string;
  username: string;
  secret: string;
}

const PROGRAMS =
  /(?:^|[\s|;&])(?:sudo\s+)?(?:docker|podman|nerdctl|buildah|skopeo|helm\s+registry|oras|crane\s+auth|regctl\s+registry)\s+login\b(.*)$/s;
const HUB = new Set([
  'docker.io',
  'index.docker.io',
  'registry-1.docker.io',
  'registry.hub.docker.com',
  'hub.docker.com',
]);
// options of these programs that take a value, besides those that we want
const VALUED = new Set([
  '--authfile',
  '--cert-dir',
  '--ca-file',
  '--cert-file',
  '--key-file',
  '--config',
  '--registry-config',
]);

/** What it says about an account, or null when it is just an address (typed as it should be). */
export function parsePasted(text: string): Pasted | null {
  const line = text.trim();
  const command = PROGRAMS.exec(line);
  if (command) return fromCommand(words(command[1] ?? ''));
  if (/\s/.test(line) || line === '') return null;
  const address = fromReference(line);
  return address === line ? null : { address, username: '', secret: '' };
}

function fromCommand(args: string[]): Pasted {
  const found: Pasted = { address: '', username: '', secret: '' };
  for (let at = 0; at < args.length; at += 1) {
    const [option = '', inline] = splitOption(args[at] ?? '');
    const value = (): string => inline ?? args[(at += 1)] ?? '';
    if (option === '-u' || option === '--username' || option === '--user') found.username = value();
    else if (option === '-p' || option === '--password' || option === '--pass') found.secret = value();
    else if (VALUED.has(option)) value();
    else if (!option.startsWith('-') && !found.address) found.address = fromReference(option);
  }
  // `docker login -u me` without an address is Docker Hub
  found.address ||= 'docker.io';
  return found;
}

function splitOption(word: string): [string, string | undefined] {
  const equals = word.indexOf('=');
  if (word.startsWith('--') && equals > 0) return [word.slice(0, equals), word.slice(equals + 1)];
  if (/^-[up]./.test(word)) return [word.slice(0, 2), word.slice(2).replace(/^=/, '')];
  return [word, undefined];
}

/** Words as a shell would split them: quotes are taken off; it ends at the next command. */
function words(line: string): string[] {
  const found: string[] = [];
  let word: string | null = null;
  for (const [piece, double, single, end, escaped] of line.matchAll(
    /"((?:[^"\\]|\\.)*)"|'([^']*)'|([\n;|&])|\\([^])|\s+|[^\s"';|&\\]+/g,
  )) {
    if (end) break;
    if (escaped === '\n' || /^\s/.test(piece)) {
      if (word !== null) found.push(word);
      word = null;
    } else {
      word = (word ?? '') + (double ?? single ?? escaped ?? piece);
    }
  }
  if (word !== null) found.push(word);
  return found;
}

/** The registry of a reference or address: no scheme, no tag, Docker Hub by its one name. */
function fromReference(text: string): string {
  const url = /^(?:https?|docker|oci):\/\/(.*)$/i.exec(text);
  const rest = (url?.[1] ?? text).replace(/^[^/@]*@(?=[^/]+\.)/, '');
  const [first = '', ...path] = rest.split('/');
  const host = first.toLowerCase();
  const isHost = /[.:]/.test(host) || host === 'localhost';
  if (HUB.has(host)) return 'docker.io';
  if (url) return host;
  // `nginx:1.27` and `library/nginx` are on Docker Hub; `localhost:5000` and `r.example.com` are hosts
  if (!isHost || (path.length === 0 && /:(?!\d+$)/.test(host)))
    return path.length > 0 || /[:@]/.test(text) ? 'docker.io' : text;
  // with a tag or digest it was an image: only the host is meant; else it may be a namespace
  const last = path.at(-1) ?? '';
  return /[:@]/.test(last) ? host : text;
}
