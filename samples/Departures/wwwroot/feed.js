// Snapshot, and then follow. Each snapshot comes with a cursor, and the feed is followed from all of them: what changed
// between two of them comes twice, which is harmless, and nothing is missed.
import { getAll, getPatiently, pause, backOff, Problem } from './api.js';
import { Follow } from './follow.js';

// The server does not say where the past ends and the present begins; a silence this long does.
const QUIET = 250, LONGEST = 2000, FIRST = 1000;

export class Feed extends EventTarget {
  #store; #follow; #loading = null; #choosing = null; #catchUp = null;
  received = 0;

  constructor(store) {
    super();
    this.#store = store;
    this.#follow = new Follow({
      url: cursors => `/feeds?feed=board&feed=airports${[cursors].flat().map(cursor => `&after=${encodeURIComponent(cursor)}`).join('')}`,
      events: ['board-row', 'airport-row', 'reset'],
      onEvent: (name, data, cursor) => this.#take(name, data, cursor),
      onState: (state, before) => this.#turn(state, before),
    });
    addEventListener('online', () => this.#follow.hurry());
  }

  get state() { return this.#follow.state; }
  get cursor() { return this.#follow.cursor; }

  start(airport) {
    this.#store.choose(airport);
    this.#load();
  }

  // Another airport: its rows are fetched while the feed goes on, and the versions sort out who is later.
  async choose(airport) {
    if (airport === this.#store.chosen) return;
    this.#store.choose(airport);
    this.#choosing?.abort();
    const { signal } = this.#choosing = new AbortController();
    try {
      const { body } = await getPatiently(board(airport), signal, getAll);
      if (signal.aborted) return;
      this.#store.snapshot(body);
    } catch {
      // Another airport was chosen, or the server knows no such airport: then the board stays empty.
      if (signal.aborted) return;
    }
    this.#say('ready');
  }

  drop() {
    this.#loading?.abort();
    this.#endCatchUp(false);
    this.#follow.drop();
  }

  resume() {
    if (this.#follow.cursor) this.#follow.resume(); else this.#load();
  }

  async #load() {
    this.#loading?.abort();
    const { signal } = this.#loading = new AbortController();
    this.#follow.reset();
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        const airports = await getAll('/airports?limit=1000', signal);
        const chosen = this.#store.chosen;
        const [ours, aloft] = await Promise.all([
          getAll(board(chosen), signal),
          getAll('/board?status=departed&limit=1000', signal),
        ]);
        if (signal.aborted) return;
        if (chosen !== this.#store.chosen) continue;
        this.#store.clear();
        this.#store.airportSnapshot(airports.body);
        this.#store.snapshot(aloft.body);
        this.#store.snapshot(ours.body);
        this.#follow.start([...airports.cursors, ...aloft.cursors, ...ours.cursors]);
        this.#say('ready');
        return;
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof Problem && error.status === 404) console.warn(error.message);
        await pause(backOff(attempt), signal).catch(() => {});
      }
    }
  }

  #take(name, data, cursor) {
    if (name === 'reset') {
      // Our cursor is older than what the server still knows: what we have may be wrong, so it goes.
      this.#say('reset', data);
      this.#load();
      return;
    }
    this.received++;
    if (name === 'board-row') this.#store.row(data.key, data.row); else this.#store.airport(data.key, data.row);
    if (this.#catchUp) this.#count(cursor);
    this.#say('event');
  }

  #turn(state, before) {
    if (state === 'live' && before === 'reconnecting') this.#beginCatchUp();
    else if (state !== 'live') this.#endCatchUp(false);
    this.#say('state', { state, before });
  }

  #beginCatchUp() {
    this.#catchUp = { from: this.cursor, count: 0, began: performance.now() };
    this.#catchUp.timer = setTimeout(() => this.#endCatchUp(true), FIRST);
  }

  #count() {
    const catchUp = this.#catchUp;
    catchUp.count++;
    clearTimeout(catchUp.timer);
    const left = catchUp.began + LONGEST - performance.now();
    catchUp.timer = setTimeout(() => this.#endCatchUp(true), Math.max(0, Math.min(QUIET, left)));
  }

  #endCatchUp(reached) {
    if (!this.#catchUp) return;
    const { from, count, timer } = this.#catchUp;
    clearTimeout(timer);
    this.#catchUp = null;
    if (reached) this.#say('caught-up', { from, count });
  }

  #say(type, detail) { this.dispatchEvent(new CustomEvent(type, { detail })); }
}

const board = airport => `/board?airport=${encodeURIComponent(airport)}&limit=1000`;
