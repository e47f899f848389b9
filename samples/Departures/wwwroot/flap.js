// A split flap. The element holds the new text at once, for tests and for screen readers; the style sheet lets the
// old text, kept in data-old, fall over it.
const still = matchMedia('(prefers-reduced-motion: reduce)');

export function flip(element, text, animate = true, delay = 0) {
  const old = element.textContent;
  if (old === text) return false;
  element.textContent = text;
  if (!animate || still.matches || document.hidden) return true;
  element.dataset.old = old;
  element.style.setProperty('--flip-delay', `${delay}ms`);
  element.classList.remove('flip');
  // Reading a layout property between the two makes a flap that is still falling start again.
  void element.offsetWidth;
  element.classList.add('flip');
  return true;
}

// One listener for all flaps: when the last half has fallen the element is plain again.
document.addEventListener('animationend', event => {
  if (event.animationName !== 'flap-land') return;
  event.target.classList.remove('flip');
  delete event.target.dataset.old;
});
