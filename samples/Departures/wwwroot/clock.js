// The simulated clock: asked for every ten seconds, extrapolated in between.
import { get } from './api.js';
import { hhmm, longDay, MINUTE } from './format.js';

const POLL = 10_000;

export class Clock {
  #base = null; #at = 0; #error = 0; #rate = 0; #held = false; #timer;

  // Simulated milliseconds, or null while the server has not told.
  now() {
    if (this.#base === null) return null;
    const elapsed = performance.now() - this.#at;
    // A small disagreement is worked off over a second or two: planes on the map must not hop.
    return this.#base + elapsed * this.#rate * (this.#held ? 0 : 1) + this.#error * (1 - Math.exp(-elapsed / 1500));
  }

  get minutesPerSecond() { return this.#rate * 1000 / MINUTE; }

  start() { this.#poll(); }

  // While the server is away its clock stands still, so ours does.
  hold(held) {
    if (held === this.#held) return;
    if (this.#base !== null) this.#set(this.now(), 0);
    this.#held = held;
    if (!held) this.#poll();
  }

  async #poll() {
    clearTimeout(this.#timer);
    try {
      const asked = performance.now();
      const { body } = await get('/clock');
      const rate = body.minutesPerSecond * MINUTE / 1000;
      const told = Date.parse(body.now) + (performance.now() - asked) / 2 * rate;
      const guess = this.now();
      const error = guess === null ? Infinity : told - guess;
      this.#rate = rate;
      if (Math.abs(error) < 1500 * rate) this.#set(guess, error); else this.#set(told, 0);
    } catch { /* the next poll will tell; until then the guess stands */ }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#poll(), this.#base === null ? 1000 : POLL);
  }

  #set(base, error) {
    this.#base = base;
    this.#error = error;
    this.#at = performance.now();
  }
}

export function showClock(clock, flip) {
  const face = document.getElementById('clock');
  const digits = [...face.querySelectorAll('span')];
  const date = document.getElementById('date');
  const pace = document.getElementById('pace');
  let shown = '';

  // Ten times a second is enough for a minute to be seen at the usual pace, and cheap.
  setInterval(() => {
    const now = clock.now();
    if (now === null || document.hidden) return;
    const text = hhmm(now);
    if (text === shown) return;
    shown = text;
    const speed = clock.minutesPerSecond;
    // A flap needs longer to fall than a fast minute lasts; then only the tens and the hours are seen to fall.
    [...text.replace(':', '')].forEach((digit, i) => flip(digits[i], digit, i < 2 || speed < (i === 2 ? 15 : 2)));
    face.dateTime = new Date(now).toISOString().slice(0, 16) + 'Z';
    date.textContent = longDay(now);
    pace.textContent = speed === 0 ? 'Standing still' : speed < 0.1 ? 'Real time' : `${+speed.toFixed(1)} min a second`;
  }, 100);
}
