// The composite map of the United States that everybody knows: an equal-area cone for the mainland, and Alaska,
// Hawaii, the Caribbean and Guam each on a cone of its own in the empty corners.
const RADIANS = Math.PI / 180;

function cone([lower, upper], [longitude, latitude], scale, x, y) {
  const sin = Math.sin(lower * RADIANS);
  const n = (sin + Math.sin(upper * RADIANS)) / 2;
  const c = Math.cos(lower * RADIANS) ** 2 + 2 * n * sin;
  const radius = degrees => Math.sqrt(c - 2 * n * Math.sin(degrees * RADIANS)) / n;
  const middle = radius(latitude);
  return (lat, lon) => {
    const turn = ((lon - longitude + 540) % 360 - 180) * RADIANS * n;
    const r = radius(lat);
    return [x + scale * r * Math.sin(turn), y - scale * (middle - r * Math.cos(turn))];
  };
}

// The reach says how far apart airports may be for the land between them to be drawn; islands are left as they are.
const mainland = { reach: 0.125, onto: cone([29.5, 45.5], [-96, 38], 1, 0, 0) };
const alaska = { reach: 0.06, onto: cone([55, 65], [-154, 60], 0.36, -0.29, 0.215) };
const hawaii = { reach: 0, onto: cone([8, 18], [-157, 20.5], 1, -0.13, 0.235) };
const caribbean = { reach: 0, onto: cone([8, 18], [-66, 18.2], 1, 0.31, 0.235) };
const pacific = { reach: 0, onto: cone([8, 18], [144.8, 13.5], 1, -0.03, 0.25) };

function regionOf(lat, lon) {
  if (lat > 50 && (lon < -129 || lon > 160)) return alaska;
  if (lat < 30 && lon > 0) return pacific;
  if (lat < 25 && lon < -150) return hawaii;
  if (lat < 20 && lon > -70) return caribbean;
  return mainland;
}

// A point on the unit map: x to the right, y down, the mainland about 0.7 wide and centred near the origin.
export function project(lat, lon) {
  const region = regionOf(lat, lon);
  return { region, unit: region.onto(lat, lon), at: [0, 0] };
}

// The land as triangles between neighbouring airports: three that are near one another, and have no fourth inside the
// circle through them. A lonely airport is a triangle without an area, drawn as a dot.
export function triangles(points) {
  const apart = (a, b) => Math.hypot(a.unit[0] - b.unit[0], a.unit[1] - b.unit[1]);
  const near = (a, b) => a.region === b.region && apart(a, b) < a.region.reach;
  const found = points.map(point => [point, point]);
  points.forEach((a, i) => {
    const later = points.slice(i + 1).filter(b => near(a, b));
    later.forEach((b, j) => {
      for (const c of later.slice(j + 1)) if (near(b, c) && isEmpty(a, b, c, points)) found.push([a, b, c]);
    });
  });
  return found;
}

function isEmpty({ unit: [ax, ay] }, { unit: [bx, by] }, { unit: [cx, cy] }, points) {
  const d = 2 * (ax * (by - cy) + bx * (cy - ay) + cx * (ay - by));
  if (Math.abs(d) < 1e-12) return false;
  const a2 = ax * ax + ay * ay, b2 = bx * bx + by * by, c2 = cx * cx + cy * cy;
  const x = (a2 * (by - cy) + b2 * (cy - ay) + c2 * (ay - by)) / d;
  const y = (a2 * (cx - bx) + b2 * (ax - cx) + c2 * (bx - ax)) / d;
  const reach = Math.hypot(ax - x, ay - y) - 1e-9;
  return !points.some(({ unit: [px, py] }) => Math.abs(px - x) < reach && Math.hypot(px - x, py - y) < reach);
}

// An arc between two points, bent towards the north as a great circle is; position and direction at t in 0..1.
export function arc([ax, ay], [bx, by]) {
  const dx = bx - ax, dy = by - ay;
  const bend = dx >= 0 ? 0.16 : -0.16;
  const cx = (ax + bx) / 2 + dy * bend, cy = (ay + by) / 2 - dx * bend;
  return {
    control: [cx, cy],
    at(t) {
      const u = 1 - t;
      return [u * u * ax + 2 * u * t * cx + t * t * bx, u * u * ay + 2 * u * t * cy + t * t * by];
    },
    heading(t) {
      return Math.atan2((1 - t) * (cy - ay) + t * (by - cy), (1 - t) * (cx - ax) + t * (bx - cx));
    },
  };
}
