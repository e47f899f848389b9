// The controls of a flight. Each is a small form with one answer line: pending, done, or refused with the reason.
import { command, Problem } from './api.js';
import { shortCursor } from './format.js';

const FORMS = [
  {
    name: 'gate', path: 'gate', label: 'Gate', button: 'Change', versioned: true,
    input: 'type="text" placeholder="B12" autocomplete="off" autocapitalize="characters" maxlength="8" required',
    body: value => ({ gate: value.trim().toUpperCase() }),
  },
  {
    name: 'delay', path: 'delay', label: 'Delay in minutes', button: 'Delay',
    input: 'type="number" placeholder="25" step="1" min="-120" max="1440" required',
    body: value => ({ minutes: Number(value) }),
  },
  {
    name: 'remark', path: 'remarks', label: 'Remark', button: 'Post',
    input: 'type="text" placeholder="Boarding from the rear" autocomplete="off" maxlength="200" required',
    body: value => ({ text: value.trim() }),
  },
  {
    name: 'cancel', path: 'cancel', label: 'Cancel, because of', button: 'Cancel flight', grave: true,
    input: 'type="text" placeholder="Weather" autocomplete="off" maxlength="200" required',
    body: value => ({ reason: value.trim() }),
  },
];

export function showCommands({ flight, element, version, reload, done, announce }) {
  let ended = false;
  element.replaceChildren(...FORMS.map(form));

  function form({ name, path, label, button: verb, input: attributes, body, versioned, grave }) {
    const element = document.createElement('form');
    element.dataset.command = name;
    element.innerHTML = `
      <label for="command-${name}">${label}</label>
      <input id="command-${name}" name="value" ${attributes}>
      <button type="submit"${grave ? ' class="grave"' : ''}>${verb}</button>
      <p class="answer" role="status" hidden></p>`;
    const [input, button, answer] = element.querySelectorAll('input, button, .answer');

    // The version is that of what was on the screen when the writing began: if somebody is faster, this writer has
    // not seen it, and the server refuses.
    let seen = null;
    if (versioned) {
      element.addEventListener('focusin', () => { seen ??= version(); });
      element.addEventListener('focusout', event => {
        if (!input.value && !element.contains(event.relatedTarget)) seen = null;
      });
    }

    element.addEventListener('submit', async event => {
      event.preventDefault();
      if (element.dataset.state === 'pending') return;
      say('pending', 'Sending …');
      try {
        const reply = await command(`/flights/${encodeURIComponent(flight)}/${path}`, body(input.value), {
          ifMatch: versioned ? seen ?? version() : undefined,
          onRetry: () => say('pending', 'No answer yet. Asking again, with the same key …'),
        });
        if (ended) return;
        done(reply);
        input.value = '';
        seen = element.contains(document.activeElement) ? reply.etag : null;
        say('done', reply.cursor ? `Done, at ${shortCursor(reply.cursor)}` : 'Done');
      } catch (error) {
        if (!ended) refuse(error);
      }
    });

    function refuse(error) {
      if (!(error instanceof Problem)) return say('refused', 'The server does not answer. Try again later.');
      if (error.status !== 412) return say('refused', error.message);
      say('refused', `Somebody else changed this flight first. ${error.message} `);
      const again = document.createElement('button');
      again.type = 'button';
      again.className = 'link';
      again.textContent = 'Reload';
      again.addEventListener('click', async () => {
        await reload();
        // What was typed stays; it is now based on what the panel shows.
        seen = version();
        say('', '');
        input.focus();
      });
      answer.append(again);
    }

    function say(state, sentence) {
      element.dataset.state = state;
      button.setAttribute('aria-disabled', String(state === 'pending'));
      answer.hidden = !sentence;
      answer.textContent = sentence;
      if (state === 'done') announce(`${label}: done`);
    }

    return element;
  }

  return { end() { ended = true; } };
}
