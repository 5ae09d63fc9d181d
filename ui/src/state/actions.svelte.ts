// What the screen that is shown lets the keyboard and the command palette do.

export type ActionId = 'go' | 'cancel' | 'retry' | 'limits' | 'log' | 'export' | 'refresh' | 'all' | 'none';

export interface Action {
  run: () => void;
  /** Always, when it is left out. */
  enabled?: () => boolean;
}

type Offer = Partial<Record<ActionId, Action>>;

export class Actions {
  #offered = $state.raw<Offer>({});
  /** What the screen and its parts offer. Plain: whoever is taken down is shown the state as it was before. */
  #offers: Offer[] = [];

  /** To be called while a screen, or a part of it, is set up; what it answers takes the offer back. */
  offer(actions: Offer): () => void {
    this.#is([...this.#offers, actions]);
    return () => this.#is(this.#offers.filter((each) => each !== actions));
  }

  #is(offers: Offer[]): void {
    this.#offers = offers;
    this.#offered = Object.assign({}, ...offers);
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
