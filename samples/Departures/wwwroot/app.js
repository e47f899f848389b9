// The page: what the address says is shown, and what is chosen goes into the address, so that both can be shared.
import { showAirports } from './airports.js';
import { showBoard } from './board.js';
import { Clock, showClock } from './clock.js';
import { showConnection } from './connection.js';
import { Feed } from './feed.js';
import { flip } from './flap.js';
import { showFlight } from './flight.js';
import { showMap } from './map.js';
import { Places, showPicker } from './places.js';
import { Store } from './store.js';

const HOME = 'ORD';

const places = new Places();
const clock = new Clock();
const store = new Store();
const feed = new Feed(store);
const status = document.getElementById('status');

const announce = sentence => { status.textContent = sentence; };
const go = (airport, flight) => { location.hash = flight ? `${airport}/${encodeURIComponent(flight)}` : airport; };
const choose = airport => go(airport);
const open = flight => go(store.chosen, flight);
const close = () => {
  const flight = panel.flight;
  go(store.chosen);
  if (flight) board.focus(flight);
};

function address() {
  // An airport's code is plain; a flight may be called anything, and is escaped.
  const [airport, flight] = location.hash.slice(1).split('/');
  const code = airport.toUpperCase();
  return { airport: /^[A-Z0-9]{3,4}$/.test(code) ? code : HOME, flight: unescape(flight) };
}

function unescape(text) {
  try {
    return decodeURIComponent(text ?? '') || null;
  } catch {
    return null;
  }
}

function follow() {
  const { airport, flight } = address();
  if (airport !== store.chosen) {
    feed.choose(airport);
    if (started) announce(`Departures from ${places.name(airport)}`);
  }
  showPlace(airport);
  if (flight) panel.open(flight); else panel.shut();
  board.show(flight);
  busiest.refresh();
  map.refresh();
}

function showPlace(airport) {
  const place = places.get(airport);
  document.getElementById('place').textContent = places.name(airport);
  document.getElementById('place-note').textContent = place ? `${place.name}, ${place.state}` : '';
  document.getElementById('place-code').textContent = airport;
  document.getElementById('legend-route').textContent = airport;
  document.title = `${places.name(airport)} · Departures`;
  picker.show(airport);
}

// The clock and the names first: everything else is drawn with them.
clock.start();
await places.load();
let started = false;
const parts = { store, clock, places, open, choose, close, announce };
const picker = showPicker(places, choose);
const board = showBoard(parts);
const map = showMap(parts);
const busiest = showAirports(parts);
const panel = showFlight(parts);
showClock(clock, flip);
showConnection(feed, clock, announce);

feed.addEventListener('ready', () => board.ready());
feed.start(address().airport);
follow();
started = true;
addEventListener('hashchange', follow);
document.getElementById('skip').addEventListener('click', event => {
  // The hash belongs to the airport, so this jump is made by hand.
  event.preventDefault();
  document.getElementById('board').focus();
});

// The side column stays beside a long board: at the top when it fits, else with its foot just over the strip.
const side = document.querySelector('.side');
const keepBeside = () => side.style.setProperty('--side-top', `${Math.min(22, innerHeight - side.offsetHeight - 80)}px`);
new ResizeObserver(keepBeside).observe(side);
addEventListener('resize', keepBeside);
