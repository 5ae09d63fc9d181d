// How fast a run has been: the last minute in half seconds, and the whole run in as many points however long it lasts.

export interface Point {
  /** Seconds since the start. */
  at: number;
  /** Bytes per second, the mean over the point's time. */
  rate: number;
}

interface Bucket {
  from: number;
  sum: number;
  count: number;
}

/** Means over equal spans of time. */
class Series {
  #buckets: Bucket[] = [];
  #width: number;
  #limit: number;
  #slides: boolean;

  /** When there are more than `limit`, the oldest goes (`slides`), or the spans become twice as long. */
  constructor(width: number, limit: number, slides: boolean) {
    this.#width = width;
    this.#limit = limit;
    this.#slides = slides;
  }

  add(at: number, rate: number): void {
    const from = Math.floor(at / this.#width) * this.#width;
    const last = this.#buckets.at(-1);
    if (last && from <= last.from) {
      last.sum += rate;
      last.count += 1;
      return;
    }
    this.#buckets.push({ from, sum: rate, count: 1 });
    if (this.#buckets.length <= this.#limit) return;
    if (this.#slides) this.#buckets.shift();
    else this.#widen();
  }

  points(): Point[] {
    return this.#buckets.map(({ from, sum, count }) => ({ at: from, rate: sum / count }));
  }

  #widen(): void {
    this.#width *= 2;
    const wider: Bucket[] = [];
    for (const bucket of this.#buckets) {
      const from = Math.floor(bucket.from / this.#width) * this.#width;
      const last = wider.at(-1);
      if (last?.from === from) {
        last.sum += bucket.sum;
        last.count += bucket.count;
      } else wider.push({ ...bucket, from });
    }
    this.#buckets = wider;
  }
}

export class Speed {
  peak = 0;
  #minute = new Series(0.5, 120, true);
  #whole = new Series(1, 240, false);

  add(seconds: number, rate: number): void {
    this.peak = Math.max(this.peak, rate);
    this.#minute.add(seconds, rate);
    this.#whole.add(seconds, rate);
  }

  points(span: 'minute' | 'whole'): Point[] {
    return (span === 'minute' ? this.#minute : this.#whole).points();
  }
}
