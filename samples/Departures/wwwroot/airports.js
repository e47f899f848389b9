// The busiest airports with the mean delay of their departures.
import { count } from './format.js';
import { throttled } from './store.js';

const SHOWN = 12;

export function showAirports({ store, places, choose }) {
  const list = document.getElementById('airports');
  const views = new Map();

  function render() {
    const rows = [...store.airports.values()]
      .sort((a, b) => b.departures - a.departures || (a.airport < b.airport ? -1 : 1))
      .slice(0, SHOWN)
      .map(row => ({ ...row, mean: row.departures ? row.totalDelay / row.departures : 0 }));
    // The scale never shrinks below ten minutes, or the smallest delays would look alarming.
    const longest = Math.max(10, ...rows.map(row => Math.abs(row.mean)));
    const wanted = new Set(rows.map(row => row.airport));
    for (const [code, view] of views) if (!wanted.has(code)) { view.element.remove(); views.delete(code); }

    let place = list.firstElementChild;
    for (const row of rows) {
      let view = views.get(row.airport);
      if (!view) views.set(row.airport, view = airportView(row.airport));
      view.update(row, longest);
      // Moving an element would take the focus from it; the list goes round the one that has it.
      if (view.element === place) place = place.nextElementSibling;
      else if (!view.element.contains(document.activeElement)) list.insertBefore(view.element, place);
    }
  }

  function airportView(code) {
    const element = document.createElement('li');
    element.innerHTML = `<button type="button"><b></b><span class="place"></span><span class="bar"><i></i></span>
      <span class="mean"></span><span class="total"></span></button>`;
    const [button, name, city, bar, mean, total] = element.querySelectorAll('button, b, .place, .bar i, .mean, .total');
    name.textContent = code;
    button.dataset.airport = code;
    button.addEventListener('click', () => choose(code));
    return {
      element,
      update(row, longest) {
        const minutes = Math.round(row.mean);
        city.textContent = places.name(code);
        bar.style.inlineSize = `${Math.abs(row.mean) / longest * 100}%`;
        bar.className = row.mean < 0 ? 'early' : row.mean < 10 ? 'some' : 'late';
        mean.textContent = `${minutes < 0 ? '−' : ''}${Math.abs(minutes)} min`;
        total.textContent = count(row.departures);
        button.title = `${count(row.delayed)} delayed, ${count(row.cancelled)} cancelled`;
        button.setAttribute('aria-label',
          `${places.name(code)}, ${count(row.departures)} departures, mean delay ${minutes} minutes`);
        if (code === store.chosen) button.setAttribute('aria-current', 'true');
        else button.removeAttribute('aria-current');
      },
    };
  }

  const soon = throttled(1000, render);
  store.addEventListener('airports', soon);
  return { refresh: soon };
}
