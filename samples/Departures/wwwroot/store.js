// What the page knows: one row per flight of the chosen airport and per flight in the air, one row per airport.
// A row is replaced only by a later version, so a snapshot and the feed may overlap in any order.
export class Store extends EventTarget {
  rows = new Map();
  airports = new Map();
  chosen = null;
  #gone = new Set();

  choose(airport) {
    this.chosen = airport;
    for (const [flight, row] of this.rows) if (!this.#wanted(row)) this.rows.delete(flight);
    this.#tell('rows');
  }

  clear() {
    this.rows.clear();
    this.airports.clear();
    this.#gone.clear();
    this.#tell('rows');
    this.#tell('airports');
  }

  // A snapshot that was on its way while the feed deleted a row would bring the row back.
  snapshot(rows) {
    for (const row of rows) if (!this.#gone.has(row.flight)) this.#put(row);
    this.#tell('rows');
  }

  row(flight, row) {
    if (row === null) {
      this.rows.delete(flight);
      this.#gone.add(flight);
    } else {
      this.#gone.delete(flight);
      const before = this.rows.get(flight);
      if (this.#put(row) && before && before.status !== row.status) this.#tell('turn', row);
      else if (!before && row.status === 'departed') this.#tell('turn', row);
    }
    this.#tell('rows');
  }

  airport(code, row) {
    if (row === null) this.airports.delete(code); else this.airports.set(code, row);
    this.#tell('airports');
  }

  airportSnapshot(rows) {
    this.airports = new Map(rows.map(row => [row.airport, row]));
    this.#tell('airports');
  }

  #put(row) {
    const before = this.rows.get(row.flight);
    if (before && before.version > row.version) return false;
    // The feed carries the whole country; only what is shown is kept.
    if (this.#wanted(row)) this.rows.set(row.flight, row); else this.rows.delete(row.flight);
    return true;
  }

  #wanted(row) { return row.airport === this.chosen || row.status === 'departed'; }

  #tell(type, detail) { this.dispatchEvent(new CustomEvent(type, { detail })); }
}

// Calls at most once per interval however often it is asked, and always once after the last asking.
export function throttled(ms, action) {
  let timer = null, last = -Infinity;
  return () => {
    timer ??= setTimeout(() => { timer = null; last = performance.now(); action(); },
      Math.max(0, last + ms - performance.now()));
  };
}
