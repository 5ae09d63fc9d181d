import type { RuleProblem } from '../../backend/types';
import { locale } from '../../i18n';
import { describe } from '../../text/errors';

/** What is wrong with a field, in one line: what Rust says in English, its catalogue text in other languages. */
export function problemText(problem: RuleProblem | null): string | null {
  if (!problem) return null;
  const text = describe(problem.error);
  if (locale() === 'en') return text.detail || text.title;
  return text.detail ? `${text.title}：${text.detail}` : text.title;
}
