// The theme is settled before the first paint, so that a dark room never sees a white flash. The page always carries
// the theme it shows in data-theme: the style sheets need one rule for each theme and none for the system's wish.
(() => {
  const key = 'departures-theme';
  const system = matchMedia('(prefers-color-scheme: dark)');

  // Storage may be refused (private windows, strict settings); the page then simply forgets the choice.
  const remembered = () => { try { return localStorage.getItem(key); } catch { return null; } };
  const remember = theme => { try { localStorage.setItem(key, theme); } catch { /* forgotten, as said */ } };

  function apply() {
    const theme = remembered() ?? (system.matches ? 'dark' : 'light');
    document.documentElement.dataset.theme = theme;
    document.getElementById('theme')?.setAttribute('aria-pressed', String(theme === 'dark'));
    dispatchEvent(new Event('themechange'));
  }

  apply();
  system.addEventListener('change', apply);
  // Another tab of the same page may have changed it.
  addEventListener('storage', event => { if (event.key === key) apply(); });
  addEventListener('DOMContentLoaded', () => {
    apply();
    document.getElementById('theme').addEventListener('click', () => {
      remember(document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark');
      apply();
    });
  });
})();
