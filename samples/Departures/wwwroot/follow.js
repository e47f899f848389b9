// One connection to a feed. EventSource reconnects by itself with the last cursor it saw; when it gives up (CLOSED)
// this opens another one after that same cursor. Nobody who uses it can tell the difference.
import { backOff } from './api.js';

export class Follow {
  state = 'connecting';
  cursor = null;
  #source = null; #timer; #attempt = 0; #options;

  // url(cursor) gives the address, events the names to listen to; onEvent(name, data, cursor) and onState(state)
  // are told in the order things happen.
  constructor(options) { this.#options = options; }

  start(cursor) {
    this.cursor = cursor;
    this.#become('connecting');
    this.#open();
  }

  drop() {
    this.#close();
    this.#become('dropped');
  }

  resume() {
    this.#attempt = 0;
    this.#become('reconnecting');
    this.#open();
  }

  // Somebody has reason to believe that the network is back.
  hurry() {
    if (this.state !== 'reconnecting' && this.state !== 'connecting') return;
    if (this.#source?.readyState === EventSource.OPEN) return;
    this.#attempt = 0;
    this.#open();
  }

  // Not connected, and about to be: the snapshots come first.
  reset() {
    this.#close();
    this.#become('connecting');
  }

  stop() { this.#close(); }

  #open() {
    this.#close();
    const source = this.#source = new EventSource(this.#options.url(this.cursor));
    source.onopen = () => {
      this.#attempt = 0;
      this.#become('live');
    };
    source.onerror = () => {
      this.#become(this.state === 'connecting' ? 'connecting' : 'reconnecting');
      if (source.readyState !== EventSource.CLOSED) return;
      this.#timer = setTimeout(() => this.#open(), backOff(this.#attempt++));
    };
    for (const name of this.#options.events) {
      source.addEventListener(name, event => {
        // An event without an id says nothing about where we are.
        if (event.lastEventId) this.cursor = event.lastEventId;
        this.#options.onEvent(name, JSON.parse(event.data), this.cursor);
      });
    }
  }

  #close() {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
  }

  #become(state) {
    if (state === this.state && state !== 'connecting') return;
    const before = this.state;
    this.state = state;
    this.#options.onState?.(state, before);
  }
}
