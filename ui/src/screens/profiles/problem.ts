import type { RuleProblem } from '../../backend/types';
import { m } from '../../i18n';
import { describe } from '../../text/errors';
import { noteLines } from '../../text/say';

/** What is wrong with a field, and what to do. */
export function problemText(problem: RuleProblem | null, value: string): string | null {
  if (!problem) return null;
  if (value.trim() === '') return m.common_required();
  const [note] = problem.error.notes;
  return note ? noteLines(note) : describe(problem.error).title;
}
