// What opened images are made of. It is asked for while they are open: events tell of images alone.

import type { Backend } from '../backend/backend';
import type { ImageParts } from '../backend/types';

/** An open image that is being copied is asked for again so often at most. */
const PAUSE = 500;

export class Parts {
  /** Rises with every answer. */
  version = $state(0);
  #known = new Map<number, ImageParts>();
  /** Asked for, and then waited for `PAUSE`; true when it is to be asked for once more. */
  #asking = new Map<number, boolean>();
  #backend: Backend;
  #run: string;

  constructor(backend: Backend, run: string) {
    this.#backend = backend;
    this.#run = run;
  }

  /** Null while it is not known: not compared yet, or a run of an earlier session. */
  of(image: number): ImageParts | null {
    void this.version;
    return this.#known.get(image) ?? null;
  }

  ask(image: number): void {
    if (this.#asking.has(image)) {
      this.#asking.set(image, true);
      return;
    }
    this.#asking.set(image, false);
    void this.#fetch(image);
  }

  async #fetch(image: number): Promise<void> {
    try {
      const parts = await this.#backend.runsParts(this.#run, image);
      if (parts) {
        this.#known.set(image, parts);
        this.version += 1;
      }
    } catch {
      // of a run that the app has not made in this session there are none, and the row says all else
    }
    await new Promise((over) => setTimeout(over, PAUSE));
    const again = this.#asking.get(image);
    this.#asking.delete(image);
    if (again) this.ask(image);
  }
}
