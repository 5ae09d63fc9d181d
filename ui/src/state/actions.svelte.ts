// What the screen that is shown lets the keyboard and the command palette do.

export type ActionId =
  'go' | 'pause' | 'cancel' | 'retry' | 'limits' | 'log' | 'export' | 'refresh' | 'all' | 'none';

export interface Action {
  run: () => void;
  /** Always, when it is left out. */
  enabled?: () => boolean;
}

export class Actions {
  #offered = $state.raw<Partial<Record<ActionId, Action>>>({});
  /** The same, plain: whoever is taken down is shown the state as it was before. */
  #last: Partial<Record<ActionId, Action>> = {};

  /** To be called while a screen is set up; what it answers takes the offer back. */
  offer(actions: Partial<Record<ActionId, Action>>): () => void {
    this.#offered = this.#last = actions;
    return () => {
      if (this.#last === actions) this.#offered = this.#last = {};
    };
  }

  has(id: ActionId): boolean {
    const action = this.#offered[id];
    return action !== undefined && (action.enabled?.() ?? true);
  }

  run(id: ActionId): boolean {
    if (!this.has(id)) return false;
    this.#offered[id]?.run();
    return true;
  }
}
