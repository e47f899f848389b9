// The panel of one flight: its events as they happened and happen, the state as of any of them, and the controls.
import { get, Problem } from './api.js';
import { showCommands } from './commands.js';
import { Follow } from './follow.js';
import { describe, hhmm, instant, lateness, MINUTE, shortDay } from './format.js';
import { throttled } from './store.js';
import { showTimeline } from './timeline.js';

const EVENTS = ['scheduled', 'delayed', 'gate-changed', 'departed', 'arrived', 'cancelled', 'remarked', 'reset'];

export function showFlight({ places, clock, close, announce }) {
  const panel = document.getElementById('flight');
  let view = null;

  function open(flight) {
    if (view?.flight === flight) return;
    view?.end();
    panel.hidden = false;
    view = flightView(flight);
    panel.querySelector('h2').focus({ preventScroll: true });
  }

  function shut() {
    view?.end();
    view = null;
    panel.hidden = true;
    panel.replaceChildren();
  }

  addEventListener('keydown', event => {
    if (event.key === 'Escape' && view && document.activeElement?.id !== 'airport') close();
  });

  function flightView(flight) {
    panel.innerHTML = TEMPLATE;
    panel.dataset.flight = flight;
    panel.scrollTop = 0;
    const part = name => panel.querySelector(`[data-part="${name}"]`);
    panel.querySelector('h2').textContent = flight;
    panel.querySelector('.close').addEventListener('click', close);

    const states = new Map();
    let etag = null, reading = null, ended = false;

    const timeline = showTimeline({ places, onMove: position => showAsOf(position) });
    const commands = showCommands({
      flight, element: part('commands'), announce,
      version: () => etag,
      reload: () => readNow(),
      done: answer => { if (answer.etag) etag = answer.etag; },
    });

    const refresh = throttled(150, () => { if (timeline.live && !ended) readNow(); });
    const follow = new Follow({
      url: cursor => `/feeds/flights/${encodeURIComponent(flight)}?after=${encodeURIComponent(cursor)}`,
      events: EVENTS,
      onEvent(name, data, cursor) {
        if (name === 'reset') {
          timeline.clear();
          states.clear();
          queueMicrotask(() => follow.start('start'));
          return;
        }
        timeline.add({ type: name, data, cursor });
        refresh();
      },
    });

    async function read(query) {
      reading?.abort();
      const { signal } = reading = new AbortController();
      try {
        const answer = await get(`/flights/${encodeURIComponent(flight)}${query}`, signal);
        if (signal.aborted) return null;
        complain('');
        return answer;
      } catch (error) {
        if (!signal.aborted) complain(error instanceof Problem ? error.message : 'The server does not answer just now.');
        return null;
      }
    }

    // The state of this moment is also the one that carries the version for If-Match.
    async function readNow() {
      const answer = await read('');
      if (!answer) return;
      etag = answer.etag ?? etag;
      if (timeline.live) showState(answer.body);
    }

    async function showAsOf(position) {
      if (timeline.live) return void readNow();
      // The past does not change, so it is asked for once.
      const { cursor } = timeline.at(position);
      let state = states.get(cursor);
      if (!state) {
        state = (await read(`?at=${encodeURIComponent(cursor)}`))?.body;
        if (!state) return;
        states.set(cursor, state);
      } else reading?.abort();
      if (timeline.at(timeline.position)?.cursor === cursor) showState(state);
    }

    function showState(state) {
      const { main, sub, tone } = describe(state);
      part('status').textContent = main;
      part('status').dataset.tone = tone;
      part('why').textContent = sub;
      for (const end of ['origin', 'destination']) {
        const code = state[end] ?? (end === 'origin' ? state.airport : null);
        part(end).textContent = code ?? '–';
        part(`${end}-city`).textContent = places.name(code);
      }
      drawRoute(state);
      part('facts').replaceChildren(...facts(state).flatMap(([term, value]) => {
        const name = document.createElement('dt'), text = document.createElement('dd');
        name.textContent = term;
        text.textContent = value;
        return [name, text];
      }));
    }

    // How far along the route it is: in the past as of the last thing that had happened, now by the clock.
    let progress = () => 0;
    function drawRoute(state) {
      const duration = ((state.distance ?? 0) / 460 * 60 + 30) * MINUTE;
      const live = timeline.live;
      progress = () => {
        if (state.arrived || state.status === 'arrived') return 1;
        if (!state.departed) return 0;
        return live ? Math.min(0.97, Math.max(0.03, (clock.now() - instant(state.departed)) / duration)) : 0.03;
      };
      moveRoute();
    }
    const moveRoute = () => part('route')?.style.setProperty('--progress', progress());
    const ticking = setInterval(moveRoute, 250);

    function complain(sentence) {
      const line = part('problem');
      line.hidden = !sentence;
      line.textContent = sentence;
    }

    follow.start('start');
    readNow();

    return {
      flight,
      end() {
        ended = true;
        clearInterval(ticking);
        follow.stop();
        reading?.abort();
        commands.end();
      },
    };
  }

  return { open, shut, get flight() { return view?.flight ?? null; } };
}

function facts(state) {
  const minutes = state.delay ?? 0;
  return [
    ['Scheduled', state.scheduled && `${shortDay(state.scheduled)}, ${hhmm(state.scheduled)}`],
    ['Gate', state.gate],
    ['Delay', minutes ? lateness(minutes) : null],
    ['Departed', state.departed && hhmm(state.departed)],
    ['Arrived', state.arrived && hhmm(state.arrived)],
    ['Reason', state.reason],
    ['Remark', state.remark],
    ['Distance', state.distance && `${state.distance} mi`],
  ].filter(([, value]) => value);
}

const TEMPLATE = `
  <header>
    <h2 id="flight-title" tabindex="-1"></h2>
    <p><span data-part="status" data-tone="gone"></span> <span data-part="why"></span></p>
    <button type="button" class="icon-button close" aria-label="Close the flight">
      <svg viewBox="0 0 24 24" aria-hidden="true">
        <path d="M6 6l12 12M18 6 6 18" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round"></path>
      </svg>
    </button>
  </header>
  <div class="route" data-part="route">
    <p><b data-part="origin">–</b><span data-part="origin-city"></span></p>
    <div class="way" aria-hidden="true"><i></i></div>
    <p><b data-part="destination">–</b><span data-part="destination-city"></span></p>
  </div>
  <p class="problem" data-part="problem" role="alert" hidden></p>
  <dl data-part="facts"></dl>

  <section class="history" aria-labelledby="history-title">
    <div class="section-head"><h3 id="history-title">Timeline</h3><output id="asof-text" for="asof"></output></div>
    <input type="range" id="asof" min="0" max="0" value="0" step="1" disabled aria-label="State as of event">
    <ol id="timeline"></ol>
  </section>

  <section aria-labelledby="commands-title">
    <div class="section-head"><h3 id="commands-title">Control</h3><span>acts on the flight as it is now</span></div>
    <div data-part="commands" class="commands"></div>
  </section>`;
