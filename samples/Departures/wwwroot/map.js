// Every flight in the air, on a canvas. The still parts (land and airports below, names above) are drawn once and
// copied; only the planes are drawn anew, thirty times a second, and only while somebody can see them.
import { count, instant, lateness, MINUTE } from './format.js';
import { arc, project, triangles } from './projection.js';
import { throttled } from './store.js';

const FRAME = 1000 / 30;
const RIPPLE = 900;
const LAND_MARGIN = 0.016;

export function showMap({ store, clock, places, open, choose }) {
  const canvas = document.getElementById('map');
  const tip = document.getElementById('map-tip');
  const aloft = document.getElementById('aloft');
  const pen = canvas.getContext('2d');
  const still = matchMedia('(prefers-reduced-motion: reduce)');
  const ground = document.createElement('canvas');
  const names = document.createElement('canvas');
  const points = new Map();
  const arcs = new Map();
  let ripples = [], planes = [], colours, scale = 1;
  let width = 0, height = 0, stale = true, seen = false, last = 0, loop = 0, pointer = null;

  for (const [code, { lat, lon }] of Object.entries(places.all)) points.set(code, project(lat, lon));
  const land = triangles([...points.values()]);

  function measure() {
    const box = canvas.getBoundingClientRect();
    const ratio = Math.min(devicePixelRatio || 1, 2);
    width = box.width;
    height = box.height;
    for (const one of [canvas, ground, names]) {
      one.width = Math.round(width * ratio);
      one.height = Math.round(height * ratio);
      one.getContext('2d').setTransform(ratio, 0, 0, ratio, 0, 0);
    }
    const xs = [...points.values()].map(p => p.unit[0]), ys = [...points.values()].map(p => p.unit[1]);
    const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
    scale = Math.min((width - 36) / (right - left || 1), (height - 40) / (bottom - top || 1));
    const x0 = (width - scale * (left + right)) / 2, y0 = (height - scale * (top + bottom)) / 2;
    for (const point of points.values()) point.at = [x0 + scale * point.unit[0], y0 + scale * point.unit[1]];
    arcs.clear();
    stale = true;
  }

  function drawGround() {
    const style = getComputedStyle(canvas);
    const colour = name => style.getPropertyValue(name).trim();
    colours = {
      land: colour('--map-land'), dot: colour('--map-dot'), text: colour('--muted'), surface: colour('--surface'),
      route: colour('--route'), plane: colour('--map-plane'), late: colour('--map-late'), font: style.fontFamily,
    };
    const draw = ground.getContext('2d');
    draw.clearRect(0, 0, width, height);
    drawLand(draw);
    const busiest = Math.max(1, ...[...store.airports.values()].map(row => row.departures));
    const named = [...store.airports.values()].sort((a, b) => b.departures - a.departures)
      .slice(0, width < 420 ? 8 : 12).map(row => row.airport);
    draw.fillStyle = colours.dot;
    for (const [code, { at: [x, y] }] of points) {
      const share = (store.airports.get(code)?.departures ?? 0) / busiest;
      draw.globalAlpha = 0.4 + 0.4 * Math.sqrt(share);
      draw.beginPath();
      draw.arc(x, y, 1.3 + 3.4 * Math.sqrt(share), 0, 7);
      draw.fill();
    }
    draw.globalAlpha = 1;
    const above = names.getContext('2d'), taken = [];
    above.clearRect(0, 0, width, height);
    for (const code of new Set([store.chosen, ...named])) name(above, code, taken);
    stale = false;
  }

  // Nobody gave us a coastline. Where airports are near one another there is land between them, and that is enough to
  // recognise the country by.
  function drawLand(draw) {
    draw.fillStyle = draw.strokeStyle = colours.land;
    draw.lineWidth = scale * LAND_MARGIN;
    draw.lineJoin = 'round';
    draw.beginPath();
    for (const corners of land) {
      corners.forEach(({ at: [x, y] }, i) => { if (i === 0) draw.moveTo(x, y); else draw.lineTo(x, y); });
      draw.closePath();
    }
    draw.fill();
    draw.stroke();
  }

  // A name that would lie on another is left out, and the chosen airport is the first to be named.
  function name(draw, code, taken) {
    if (!points.has(code)) return;
    const [x, y] = points.get(code).at;
    const chosen = code === store.chosen;
    if (taken.some(([tx, ty]) => Math.abs(tx - x) < 30 && Math.abs(ty - y) < 13)) return;
    taken.push([x, y]);
    draw.font = `${chosen ? 700 : 500} ${chosen ? 12 : 10}px ${colours.font}`;
    draw.textAlign = x > width - 40 ? 'right' : 'left';
    const tx = x + (x > width - 40 ? -8 : 8);
    draw.lineWidth = 3;
    draw.lineJoin = 'round';
    draw.strokeStyle = colours.surface;
    draw.strokeText(code, tx, y + 3.5);
    draw.fillStyle = chosen ? colours.route : colours.text;
    draw.fillText(code, tx, y + 3.5);
    if (!chosen) return;
    draw.strokeStyle = colours.route;
    draw.lineWidth = 1.5;
    draw.beginPath();
    draw.arc(x, y, 5.5, 0, 7);
    draw.stroke();
  }

  function drawPlanes(now, time) {
    pen.clearRect(0, 0, width, height);
    pen.drawImage(ground, 0, 0, width, height);
    planes = [];
    for (const row of store.rows.values()) {
      if (row.status !== 'departed' || now === null) continue;
      const plane = locate(row, now);
      if (plane) planes.push(plane);
    }
    // The chosen airport's flights are drawn last, over all the others.
    planes.sort((a, b) => a.ours - b.ours);
    for (const plane of planes) drawPlane(plane);
    drawRipples(time);
    pen.drawImage(names, 0, 0, width, height);
  }

  function locate(row, now) {
    const from = points.get(row.airport), to = points.get(row.destination);
    if (!from || !to || !row.departed) return null;
    const duration = (row.distance / 460 * 60 + 30) * MINUTE;
    const progress = (now - instant(row.departed)) / duration;
    // Held over its destination until its arrival is told; after twice the time it has been forgotten.
    if (progress < 0 || progress > 2) return null;
    const key = row.airport + row.destination;
    let path = arcs.get(key);
    if (!path) arcs.set(key, path = arc(from.at, to.at));
    const t = Math.min(progress, 0.985);
    const ours = row.airport === store.chosen || row.destination === store.chosen;
    return { row, path, t, ours, at: path.at(t), heading: path.heading(t), late: (row.delay ?? 0) >= 15 };
  }

  function drawPlane({ row, path, t, ours, at: [x, y], heading, late }) {
    const colour = ours ? colours.route : late ? colours.late : colours.plane;
    if (ours) {
      pen.globalAlpha = 0.2;
      pen.strokeStyle = colour;
      pen.lineWidth = 1;
      pen.beginPath();
      pen.moveTo(...points.get(row.airport).at);
      pen.quadraticCurveTo(...path.control, ...points.get(row.destination).at);
      pen.stroke();
    }
    // The trail fades in a few strokes; a gradient per plane would cost more than all the rest.
    pen.strokeStyle = colour;
    pen.lineWidth = ours ? 1.8 : 1.2;
    const length = Math.min(t, 0.22), steps = 5;
    for (let i = 0; i < steps; i++) {
      pen.globalAlpha = (ours ? 0.85 : 0.5) * ((i + 1) / steps) ** 1.6;
      pen.beginPath();
      pen.moveTo(...path.at(t - length * (steps - i) / steps));
      pen.lineTo(...path.at(t - length * (steps - i - 1) / steps));
      pen.stroke();
    }
    const size = ours ? 5.5 : 4.2;
    pen.globalAlpha = ours ? 1 : 0.9;
    pen.fillStyle = colour;
    pen.save();
    pen.translate(x, y);
    pen.rotate(heading);
    pen.beginPath();
    pen.moveTo(size, 0);
    pen.lineTo(-size * 0.8, size * 0.68);
    pen.lineTo(-size * 0.35, 0);
    pen.lineTo(-size * 0.8, -size * 0.68);
    pen.fill();
    pen.restore();
    pen.globalAlpha = 1;
  }

  // A take-off or a landing leaves a ring that widens and is gone.
  function drawRipples(time) {
    ripples = ripples.filter(ripple => time - ripple.since < RIPPLE);
    for (const { code, since, landing } of ripples) {
      const age = (time - since) / RIPPLE;
      pen.globalAlpha = (1 - age) * 0.45;
      pen.strokeStyle = code === store.chosen ? colours.route : colours.plane;
      pen.lineWidth = 1;
      pen.beginPath();
      pen.arc(...points.get(code).at, 2 + 8 * (landing ? 1 - age : age), 0, 7);
      pen.stroke();
    }
    pen.globalAlpha = 1;
  }

  function frame(time) {
    if (!seen || document.hidden) return;
    loop = requestAnimationFrame(frame);
    if (width === 0 || time - last < (still.matches ? 1000 : FRAME - 4)) return;
    last = time;
    if (stale) drawGround();
    drawPlanes(clock.now(), time);
    if (pointer) showTip();
  }

  function nearest(x, y) {
    const closest = (things, reach) => things
      .map(thing => [thing, Math.hypot(thing.at[0] - x, thing.at[1] - y) - (thing.ours ? 3 : 0)])
      .filter(([, distance]) => distance < reach).sort((a, b) => a[1] - b[1])[0]?.[0];
    const plane = closest(planes, 14);
    if (plane) return { plane };
    return { airport: closest([...points].map(([code, { at }]) => ({ code, at })), 12) };
  }

  function showTip() {
    const { plane, airport } = nearest(...pointer);
    const thing = plane ?? airport;
    tip.hidden = !thing;
    canvas.style.cursor = thing ? 'pointer' : '';
    if (!thing) return;
    const departures = airport && (store.airports.get(airport.code)?.departures ?? 0);
    tip.textContent = plane
      ? `${plane.row.flight}  ${plane.row.airport} → ${plane.row.destination}  ${lateness(plane.row.delay ?? 0)}`
      : `${airport.code}  ${places.name(airport.code)}  ${count(departures)} departures`;
    const room = tip.offsetWidth / 2 + 6;
    tip.style.translate = `${Math.min(width - room, Math.max(room, thing.at[0]))}px ${thing.at[1]}px`;
    tip.classList.toggle('below', thing.at[1] < 44);
  }

  canvas.addEventListener('pointermove', event => { pointer = [event.offsetX, event.offsetY]; });
  canvas.addEventListener('pointerleave', () => { pointer = null; tip.hidden = true; });
  canvas.addEventListener('click', event => {
    const { plane, airport } = nearest(event.offsetX, event.offsetY);
    if (plane) open(plane.row.flight); else if (airport) choose(airport.code);
  });

  // Whoever wakes it, there is one loop.
  function wake() {
    cancelAnimationFrame(loop);
    loop = requestAnimationFrame(frame);
  }
  document.addEventListener('visibilitychange', wake);
  new IntersectionObserver(([entry]) => {
    seen = entry.isIntersecting;
    wake();
  }).observe(canvas);
  new ResizeObserver(measure).observe(canvas);

  const redraw = () => { stale = true; };
  addEventListener('themechange', redraw);
  store.addEventListener('airports', throttled(2000, redraw));
  store.addEventListener('turn', ({ detail: row }) => {
    const landing = row.status === 'arrived', code = landing ? row.destination : row.airport;
    if (!landing && row.status !== 'departed' || !points.has(code) || still.matches || !seen) return;
    ripples.push({ code, landing, since: performance.now() });
  });
  store.addEventListener('rows', throttled(1000, () => {
    const flying = [...store.rows.values()].filter(row => row.status === 'departed');
    const ours = flying.filter(row => row.airport === store.chosen).length;
    aloft.textContent = count(flying.length);
    canvas.setAttribute('aria-label',
      `Map: ${flying.length} flights in the air, ${ours} of them from ${places.name(store.chosen)}`);
  }));

  return { refresh: redraw };
}
