// Shapes of lucide's icons (ISC), each as one path: what rows show by the thousand, a component of parts is too slow for.

export const GLYPHS = {
  chevron: 'M9 18l6-6-6-6',
  arrow: 'M5 12h14M12 5l7 7-7 7',
  pen: 'M13 21h8M21.174 6.812a1 1 0 0 0-3.986-3.987L3.842 16.174a2 2 0 0 0-.5.83l-1.321 4.352a.5.5 0 0 0 .623.622l4.353-1.32a2 2 0 0 0 .83-.497z',
  equal: 'M5 9L19 9M5 15L19 15',
  triangle: 'M21.73 18l-8-14a2 2 0 0 0-3.48 0l-8 14A2 2 0 0 0 4 21h16a2 2 0 0 0 1.73-3M12 9v4M12 17h.01',
  ban: 'M2 12a10 10 0 1 0 20 0a10 10 0 1 0 -20 0M4.929 4.929 19.07 19.071',
  cross: 'M2 12a10 10 0 1 0 20 0a10 10 0 1 0 -20 0M15 9l-6 6M9 9l6 6',
  minus: 'M2 12a10 10 0 1 0 20 0a10 10 0 1 0 -20 0M8 12h8',
  slash: 'M2 12a10 10 0 1 0 20 0a10 10 0 1 0 -20 0M9 15L15 9',
  search: 'M21 21l-4.34-4.34M3 11a8 8 0 1 0 16 0a8 8 0 1 0 -16 0',
  clock: 'M2 12a10 10 0 1 0 20 0a10 10 0 1 0 -20 0M12 6v6l4 2',
  check: 'M20 6 9 17l-5-5',
} as const;

export type Glyph = keyof typeof GLYPHS;
