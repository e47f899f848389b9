// The strip at the foot of the page: how the feed is, where it stands, and a button that breaks it on purpose.
import { count, hhmm, shortCursor } from './format.js';

const WORDS = {
  connecting: 'Connecting',
  live: 'Live',
  reconnecting: 'Reconnecting',
  dropped: 'Dropped by you',
};

export function showConnection(feed, clock, announce) {
  const strip = document.getElementById('connection');
  const text = document.getElementById('state-text');
  const cursor = document.getElementById('cursor');
  const events = document.getElementById('events');
  const rate = document.getElementById('rate');
  const caughtUp = document.getElementById('caught-up');
  const button = document.getElementById('drop');
  const seconds = [];
  let heard = 0;

  feed.addEventListener('state', ({ detail: { state, before } }) => {
    strip.dataset.state = state;
    text.textContent = WORDS[state];
    const dropped = state === 'dropped';
    button.textContent = dropped ? 'Resume' : 'Drop the connection';
    button.classList.toggle('primary', dropped);
    if (state === 'reconnecting' || dropped) say(dropped ? 'The cursor is kept. Nothing will be missed.' : '');
    clock.hold(state === 'reconnecting');
    if (state !== before) announce(WORDS[state]);
    showNumbers();
  });

  feed.addEventListener('caught-up', ({ detail }) => {
    const changes = `${count(detail.count)} ${detail.count === 1 ? 'change' : 'changes'} caught up`;
    const now = clock.now();
    say(`Resumed at ${now === null ? 'the cursor' : hhmm(now)}, ${changes}`);
    caughtUp.title = `After cursor ${detail.from}`;
    caughtUp.dataset.changes = detail.count;
    announce(caughtUp.textContent);
  });

  feed.addEventListener('reset', ({ detail }) => {
    say(`Started afresh${detail?.reason ? `: ${detail.reason}` : ''}`);
    announce(caughtUp.textContent);
  });

  feed.addEventListener('ready', showNumbers);

  button.addEventListener('click', () => {
    if (feed.state === 'dropped') feed.resume(); else feed.drop();
  });

  // The rate is the mean of the last five seconds: steady enough to be read, quick enough to be believed.
  setInterval(() => {
    seconds.push(feed.received - heard);
    heard = feed.received;
    if (seconds.length > 5) seconds.shift();
    rate.textContent = (seconds.reduce((sum, n) => sum + n, 0) / seconds.length).toFixed(1);
  }, 1000);
  setInterval(showNumbers, 250);

  function showNumbers() {
    events.textContent = count(feed.received);
    // Before the first event there is a cursor for each snapshot; the newest tells most.
    const text = [feed.cursor].flat().at(-1);
    if (!text || cursor.title === text) return;
    cursor.title = text;
    cursor.textContent = shortCursor(text);
  }

  function say(sentence) {
    caughtUp.textContent = sentence;
    caughtUp.removeAttribute('title');
    delete caughtUp.dataset.changes;
  }
}
