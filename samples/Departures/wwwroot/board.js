// The board of the chosen airport. Rows are kept, moved and patched, never rebuilt: a cell that changes can fall, and
// a reader's place, focus and selection stay where they are.
import { flip } from './flap.js';
import { dayKey, describe, hhmm, instant, MINUTE, shortDay } from './format.js';
import { throttled } from './store.js';

const SHOWN = 40;

export function showBoard({ store, clock, places, open }) {
  const table = document.getElementById('board');
  const body = table.tBodies[0];
  const empty = document.getElementById('board-empty');
  const views = new Map();
  const days = new Map();
  let airport = null, ready = false, marked = null;

  function render() {
    const now = clock.now();
    const fresh = airport !== store.chosen;
    if (fresh) {
      airport = table.dataset.airport = store.chosen;
      ready = false;
      views.clear();
      days.clear();
      body.replaceChildren();
    }
    const rows = choose(now);
    const wanted = new Set(rows.map(row => row.flight));
    for (const [flight, view] of views) {
      if (wanted.has(flight)) continue;
      view.element.remove();
      views.delete(flight);
    }

    let place = body.firstElementChild, day = now === null ? null : dayKey(now), fallen = 0;
    const usedDays = new Set();
    const put = element => {
      if (element === place) place = place.nextElementSibling; else body.insertBefore(element, place);
    };
    for (const row of rows) {
      const key = dayKey(row.scheduled);
      if (day !== null && key !== day && !usedDays.has(key)) {
        usedDays.add(key);
        put(dayRow(key, row.scheduled));
      }
      day = key;
      let view = views.get(row.flight);
      const isNew = !view;
      if (isNew) views.set(row.flight, view = rowView(row.flight));
      // The first board of an airport falls into place from the top; later only what changes falls.
      view.update(row, !isNew || !fresh, isNew ? Math.min(fallen++ * 18, 400) : 0);
      put(view.element);
    }
    for (const [key, element] of days) if (!usedDays.has(key)) { element.remove(); days.delete(key); }
    empty.hidden = rows.length > 0;
    table.classList.toggle('bare', rows.length === 0);
    if (rows.length === 0) empty.textContent = ready ? 'No departures from here for now.' : 'Fetching the board …';
  }

  // Round the simulated now: what has left within the hour, what should have left, and what is to come.
  function choose(now) {
    const rows = [];
    for (const row of store.rows.values()) {
      if (row.airport === store.chosen && (now === null || isCurrent(row, now))) rows.push(row);
    }
    rows.sort((a, b) => instant(a.scheduled) - instant(b.scheduled) || (a.flight < b.flight ? -1 : 1));
    return rows.slice(0, SHOWN);
  }

  function rowView(flight) {
    const element = document.createElement('tr');
    element.dataset.flight = flight;
    element.innerHTML = `
      <td class="c-time"><span class="flap time"></span></td>
      <td class="c-to"><a class="city"></a><span class="sub"><span class="code"></span><span class="only-narrow"></span>
        <span class="remark"></span></span></td>
      <td class="c-flight"><span class="flap"></span></td>
      <td class="c-gate"><span class="flap gate"></span></td>
      <td class="c-status"><div class="verdict"><span class="lamp" aria-hidden="true"></span>
        <div><span class="flap main"></span><span class="sub"></span></div></div></td>`;
    const [time, city, code, narrow, remark, number, gate, main, sub] = element.querySelectorAll(
      '.time, .city, .code, .only-narrow, .remark, .c-flight .flap, .gate, .main, .c-status .sub');
    return {
      element,
      update(row, animate, delay) {
        const { main: headline, sub: detail, tone } = describe(row);
        const to = places.name(row.destination);
        element.dataset.status = row.status;
        element.dataset.tone = tone;
        element.toggleAttribute('data-open', flight === marked);
        flip(time, hhmm(row.scheduled), animate, delay);
        // A long double name may break after its slash.
        const label = to.replaceAll('/', '/\u200b');
        if (city.textContent !== label) city.textContent = label;
        city.href = `#${row.airport}/${encodeURIComponent(flight)}`;
        city.setAttribute('aria-label', `${to}, flight ${flight}`);
        code.textContent = row.destination;
        narrow.textContent = flight;
        remark.textContent = row.remark ?? '';
        remark.title = row.remark ?? '';
        flip(number, flight, animate, delay);
        flip(gate, row.gate ?? '–', animate, delay);
        gate.classList.toggle('none', !row.gate);
        flip(main, headline, animate, delay);
        sub.textContent = detail;
        sub.title = detail;
      },
    };
  }

  function dayRow(key, time) {
    let element = days.get(key);
    if (!element) {
      days.set(key, element = document.createElement('tr'));
      element.className = 'day';
      element.innerHTML = '<th scope="rowgroup" colspan="5"></th>';
      element.firstElementChild.textContent = shortDay(time);
    }
    return element;
  }

  // The city is a link, for the keyboard; the rest of the row does the same for the pointer.
  body.addEventListener('click', event => {
    const flight = event.target.closest('tr[data-flight]')?.dataset.flight;
    if (!flight || event.target.closest('a') || getSelection()?.type === 'Range') return;
    open(flight);
  });
  body.addEventListener('keydown', event => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || !event.target.matches('a.city')) return;
    const links = [...body.querySelectorAll('a.city')];
    links[links.indexOf(event.target) + step]?.focus();
    event.preventDefault();
  });

  const soon = throttled(250, render);
  store.addEventListener('rows', soon);
  // The clock moves rows too: a flight leaves the board an hour after it left the ground.
  setInterval(() => { if (!document.hidden) soon(); }, 1000);

  return {
    // At once, and not when it is convenient: the rows must never be another airport's than the title says.
    show(flight) { marked = flight; render(); },
    ready() { ready = true; soon(); },
    focus(flight) { views.get(flight)?.element.querySelector('a.city').focus(); },
  };
}

function isCurrent(row, now) {
  const expected = instant(row.scheduled) + Math.max(0, row.delay ?? 0) * MINUTE;
  if (row.departed) return instant(row.departed) >= now - 60 * MINUTE;
  // A cancelled flight stays as long as a departed one; one that merely never left is given three hours.
  return expected >= now - (row.status === 'cancelled' ? 60 : 180) * MINUTE;
}
