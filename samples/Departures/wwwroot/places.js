// The airports by code, from the static file. A code that the file does not know is shown as the code.
export class Places {
  all = {};

  async load() {
    try {
      const response = await fetch('airports.json');
      if (response.ok) this.all = await response.json();
    } catch { /* the board works with codes alone */ }
  }

  has(code) { return code in this.all; }
  get(code) { return this.all[code]; }
  name(code) { return this.all[code]?.city ?? code ?? ''; }

  // What somebody typed, as a code: the code itself, else the beginning of a city, else any part of a name.
  find(text) {
    const typed = text.trim().toLowerCase();
    if (!typed) return null;
    const entries = Object.entries(this.all);
    const found = test => entries.find(([code, place]) => test(code.toLowerCase(), place))?.[0];
    return found(code => code === typed)
      ?? found((_, place) => place.city.toLowerCase().startsWith(typed))
      ?? found((_, place) => `${place.city} ${place.state} ${place.name}`.toLowerCase().includes(typed))
      ?? (entries.length === 0 && /^[a-z]{3}$/.test(typed) ? typed.toUpperCase() : null);
  }
}

export function showPicker(places, choose) {
  const input = document.getElementById('airport');
  const list = document.getElementById('airport-list');
  let chosen = '';

  list.replaceChildren(...Object.entries(places.all)
    .sort(([, a], [, b]) => a.city.localeCompare(b.city))
    .map(([code, place]) => new Option(`${place.city}, ${place.state} · ${place.name}`, code)));

  // The list offers only what matches the text, so the text makes room as long as somebody is choosing.
  input.addEventListener('focus', () => { input.placeholder = chosen; input.value = ''; });
  input.addEventListener('blur', () => { input.value = chosen; });
  input.addEventListener('input', () => {
    const code = input.value.trim().toUpperCase();
    if (places.has(code)) take(code);
  });
  input.addEventListener('keydown', event => {
    if (event.key === 'Escape') input.blur();
    if (event.key !== 'Enter') return;
    const code = places.find(input.value);
    if (code) take(code); else if (!input.value) input.blur();
    input.toggleAttribute('aria-invalid', !code && input.value !== '');
  });

  function take(code) {
    input.removeAttribute('aria-invalid');
    choose(code);
    input.value = code;
    input.placeholder = code;
  }

  return { show(code) { chosen = code; if (document.activeElement !== input) input.value = code; } };
}
