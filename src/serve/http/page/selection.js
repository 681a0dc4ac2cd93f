// The set of selected assets: toggling one, extending a range, selecting all. It does not touch the document.

/** Maximum number of selected assets. More would make copies and exports that no program takes. */
export const MAX_SELECTED = 5000;

const keyOf = ({ source, path }) => `${source}\n${path}`;

/** The selected assets, in the order in which they were selected. */
export class Selection {
  #chosen = new Map();
  /** What was selected before the current range began. A shorter range gives back what it no longer covers. */
  #before = new Map();
  #anchor = null;

  /** Whether the last change left assets out, because of `MAX_SELECTED`. */
  isCut = false;

  get size() {
    return this.#chosen.size;
  }

  /** The selected assets. */
  get hits() {
    return [...this.#chosen.values()];
  }

  has(hit) {
    return this.#chosen.has(keyOf(hit));
  }

  /** Selects an asset, or no longer selects it. Ranges begin here from now on. */
  toggle(hit) {
    this.isCut = false;
    if (!this.#chosen.delete(keyOf(hit))) this.#add([hit]);
    this.anchorAt(hit);
  }

  /** Lets the next range begin at this asset. */
  anchorAt(hit) {
    this.#anchor = keyOf(hit);
    this.#before = new Map(this.#chosen);
  }

  /** Selects everything from the anchor to this asset, in the order of `shown`. */
  extendTo(hit, shown) {
    const at = (key) => shown.findIndex((one) => keyOf(one) === key);
    const to = at(keyOf(hit));
    if (to < 0) return;
    let from = at(this.#anchor);
    if (from < 0) {
      this.anchorAt(hit);
      from = to;
    }
    this.#chosen = new Map(this.#before);
    this.isCut = false;
    this.#add(shown.slice(Math.min(from, to), Math.max(from, to) + 1));
  }

  /** Selects all of these. */
  addAll(shown) {
    this.isCut = false;
    this.#add(shown);
    this.#before = new Map(this.#chosen);
  }

  clear() {
    this.#chosen.clear();
    this.#before.clear();
    this.#anchor = null;
    this.isCut = false;
  }

  #add(hits) {
    for (const hit of hits) {
      if (this.#chosen.size >= MAX_SELECTED && !this.has(hit)) {
        this.isCut = true;
        return;
      }
      this.#chosen.set(keyOf(hit), hit);
    }
  }
}
