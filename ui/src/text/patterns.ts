// Lists of patterns as they are typed: parted by spaces or commas, of which a regular expression between slashes may have
// its own.

const APART = /[\s,，]/;

export function splitPatterns(text: string): string[] {
  const patterns: string[] = [];
  let at = 0;
  while (at < text.length) {
    if (APART.test(text.charAt(at))) {
      at += 1;
      continue;
    }
    const end = text.charAt(at) === '/' ? endOfExpression(text, at) : endOfWord(text, at);
    patterns.push(text.slice(at, end));
    at = end;
  }
  return patterns;
}

export function joinPatterns(patterns: string[]): string {
  return patterns.join(', ');
}

function endOfWord(text: string, from: number): number {
  let at = from;
  while (at < text.length && !APART.test(text.charAt(at))) at += 1;
  return at;
}

/** Behind the slash that nothing but a separator follows. */
function endOfExpression(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at += 1) {
    const next = text.charAt(at + 1);
    if (text.charAt(at) === '/' && (next === '' || APART.test(next))) return at + 1;
  }
  return text.length;
}
