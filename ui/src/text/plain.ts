// What registries, files and users send is shown as text alone.

// bidi controls and marks, then the other control characters except tab and line feed
const CONTROLS = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]|[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** Without the characters that reorder or hide text. The place where it is shown isolates it besides (`<bdi>`). */
export function plain(text: string): string {
  return text.replace(CONTROLS, '');
}
