import type { RuleProblem } from '../../backend/types';
import { locale, m } from '../../i18n';
import { describe } from '../../text/errors';

/** What is wrong with a field, in one line. The particulars are in English. */
export function problemText(problem: RuleProblem | null, value: string): string | null {
  if (!problem) return null;
  if (value.trim() === '') return m.common_required();
  const text = describe(problem.error);
  if (locale() === 'en') return text.detail || text.title;
  return text.detail ? m.editor_not_valid({ detail: text.detail }) : text.title;
}
