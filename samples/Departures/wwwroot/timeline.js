// The events of the flight as a list, and a slider over them. At its right end the slider is live: it follows what
// happens. Anywhere else it stays where it was put, and new events appear to its right.
import { hhmm, lateness, shortDay } from './format.js';

export function showTimeline({ places, onMove }) {
  const list = document.getElementById('timeline');
  const slider = document.getElementById('asof');
  const text = document.getElementById('asof-text');
  const events = [];
  const known = new Set();
  let position = -1, live = true;

  function add(event) {
    // A reconnection may repeat what was on its way when the line broke.
    const identity = `${event.cursor} ${event.type} ${JSON.stringify(event.data)}`;
    if (known.has(identity)) return;
    known.add(identity);
    const index = events.push(event) - 1;
    list.append(item(event, index));
    slider.max = index;
    slider.disabled = events.length < 2;
    if (live) position = index;
    show();
  }

  function item({ type, data, cursor }, index) {
    const element = document.createElement('li');
    element.dataset.event = type;
    element.dataset.cursor = cursor;
    element.innerHTML = '<button type="button"><span class="what"></span><span class="when"></span></button>';
    const [button, what, when] = element.querySelectorAll('button, .what, .when');
    what.textContent = sentence(type, data);
    // Only some events say when they happened in simulated time.
    when.textContent = data.at ? hhmm(data.at) : '';
    button.title = `Cursor ${cursor}`;
    button.addEventListener('click', () => move(index));
    return element;
  }

  function move(to) {
    position = to;
    live = to === events.length - 1;
    show();
    onMove(to);
  }

  function show() {
    slider.value = position;
    slider.style.setProperty('--filled', events.length > 1 ? position / (events.length - 1) : 1);
    [...list.children].forEach((element, i) => {
      element.classList.toggle('later', i > position);
      const button = element.firstElementChild;
      if (i === position) button.setAttribute('aria-current', 'step'); else button.removeAttribute('aria-current');
    });
    const words = events.length === 0 ? '' : live ? 'Live' : `As of event ${position + 1} of ${events.length}`;
    text.textContent = words;
    text.classList.toggle('live', live && events.length > 0);
    slider.setAttribute('aria-valuetext', events.length ? `${words}: ${list.children[position].textContent}` : words);
  }

  slider.addEventListener('input', () => move(Number(slider.value)));

  function sentence(type, data) {
    switch (type) {
      case 'scheduled':
        return `Scheduled for ${shortDay(data.scheduled)}, ${hhmm(data.scheduled)} to ${places.name(data.destination)}`;
      case 'delayed': return data.minutes ? `Expected ${lateness(data.minutes)}` : 'On time again';
      case 'gate-changed': return `Gate ${data.gate}`;
      case 'departed': return 'Departed';
      case 'arrived': return 'Arrived';
      case 'cancelled': return `Cancelled: ${data.reason}`;
      case 'remarked': return `“${data.text}”`;
      default: return type;
    }
  }

  return {
    add, move,
    clear() {
      events.length = 0;
      known.clear();
      list.replaceChildren();
      position = -1;
      live = true;
      slider.max = 0;
      slider.disabled = true;
      show();
    },
    at: index => events[index],
    get live() { return live; },
    get position() { return position; },
  };
}
