// What the fake pretends, by the address: `?scenario=many&theme=dark&lang=zh-CN`.

export const SCENARIOS = [
  'usual',
  'empty',
  'many',
  'failing',
  'blocked',
  'slow',
  'names',
  'nokeyring',
  'locked',
  'broken',
  'interrupted',
  'leaving',
  'waiting',
] as const;

export type ScenarioName = (typeof SCENARIOS)[number];

export interface Scenario {
  name: ScenarioName;
  theme: string;
  language: string;
  /** The language of the system. */
  locale: string;
  demo: boolean;
  /** Milliseconds that each answer takes. */
  latency: number;
  /** Milliseconds between updates. */
  tick: number;
  /** Plans (`plan`) or runs (`run`) stop half-way, or a run in a phase (`planning`, `verifying`), to be looked at. */
  hold: string;
}

export function scenario(query: string): Scenario {
  const params = new URLSearchParams(query);
  const wanted = params.get('scenario') ?? 'usual';
  const name = SCENARIOS.find((each) => each === wanted) ?? 'usual';
  return {
    name,
    theme: params.get('theme') ?? 'system',
    language: params.get('lang') ?? 'en',
    locale: params.get('locale') ?? 'en-US',
    demo: params.has('demo'),
    latency: Number(params.get('latency') ?? (name === 'slow' ? 1500 : 20)),
    tick: Number(params.get('tick') ?? 100),
    hold: params.get('hold') ?? '',
  };
}
