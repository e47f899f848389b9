// Words and numbers the page shows. Every time on it is simulated time, which the server writes in UTC.
const day = new Intl.DateTimeFormat('en-GB', { timeZone: 'UTC', weekday: 'short', day: 'numeric', month: 'short' });
const date = new Intl.DateTimeFormat('en-GB', { timeZone: 'UTC', weekday: 'short', day: 'numeric', month: 'short',
  year: 'numeric' });
const whole = new Intl.NumberFormat('en');

export const MINUTE = 60_000;

export const instant = value => typeof value === 'number' ? value : Date.parse(value);
export const hhmm = value => new Date(instant(value)).toISOString().slice(11, 16);
export const dayKey = value => new Date(instant(value)).toISOString().slice(0, 10);
export const shortDay = value => day.format(instant(value));
export const longDay = value => date.format(instant(value));
export const count = value => whole.format(value);

export function lateness(minutes) {
  if (minutes >= 1) return `${span(minutes)} late`;
  if (minutes <= -1) return `${span(-minutes)} early`;
  return 'On time';
}

function span(minutes) {
  if (minutes < 60) return `${minutes} min`;
  const rest = minutes % 60;
  return `${Math.floor(minutes / 60)} h${rest ? ` ${rest} min` : ''}`;
}

// What the status column says of a flight: the headline, what explains it, and the tone that colours it.
export function describe(row) {
  const expected = instant(row.scheduled) + (row.delay ?? 0) * MINUTE;
  const [main, why, tone] = {
    scheduled: () => ['On time', null, 'good'],
    delayed: () => [`Expected ${hhmm(expected)}`, lateness(row.delay), row.delay > 0 ? 'late' : 'good'],
    departed: () => [`Departed ${hhmm(row.departed ?? expected)}`, lateness(row.delay ?? 0), 'gone'],
    arrived: () => [row.arrived ? `Arrived ${hhmm(row.arrived)}` : 'Arrived', null, 'gone'],
    cancelled: () => ['Cancelled', row.reason, 'bad'],
  }[row.status]?.() ?? [String(row.status ?? 'Unknown'), null, 'gone'];
  return { main, sub: why ?? '', tone };
}

// A cursor is opaque and may be long: both its ends tell cursors apart, the middle seldom does.
export const shortCursor = cursor => cursor.length <= 20 ? cursor : `${cursor.slice(0, 9)}…${cursor.slice(-9)}`;
