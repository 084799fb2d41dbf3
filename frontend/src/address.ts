// The address: all that is shown, so that it can be kept and given to somebody else.
//
//   #trace=1&at=2251&frame=7&panel=questions&ask=find&ask.at=app.py:7&stop=app.py:7 if n > 3&of=total&watch=n * 2&zoom=100-900

type Listener = () => void;

const MOMENT = ["at", "frame"];

/** What is there now, as it was read or written last. */
let now = read();
const listeners = new Set<Listener>();

function read(): URLSearchParams {
  return new URLSearchParams(location.hash.slice(1));
}

export const recall = (name: string): string | null => now.get(name);
export const recallAll = (name: string): string[] => now.getAll(name);

export function recallNumber(name: string): number | null {
  const text = now.get(name) ?? "";
  return /^\d{1,15}$/.test(text) ? Number(text) : null;
}

/** The fields of a question: `ask.function=total`. */
export function recallFields(prefix: string): Record<string, string> {
  const found = [...now].filter(([name]) => name.startsWith(`${prefix}.`));
  return Object.fromEntries(found.map(([name, value]) => [name.slice(prefix.length + 1), value]));
}

/** What is null or empty is left out. Another moment is a step of its own in the browser's history, all else is not. */
export function remember(names: Record<string, string | number | string[] | null>): void {
  const next = new URLSearchParams(now);
  for (const [name, value] of Object.entries(names)) {
    next.delete(name);
    for (const one of Array.isArray(value) ? value : value === null || value === "" ? [] : [String(value)]) next.append(name, one);
  }
  set(next, MOMENT.some((name) => next.get(name) !== now.get(name)));
}

export function rememberFields(prefix: string, name: string | null, fields: Record<string, string>): void {
  const next = new URLSearchParams([...now].filter(([each]) => each !== prefix && !each.startsWith(`${prefix}.`)));
  if (name !== null) next.set(prefix, name);
  for (const [field, value] of Object.entries(fields)) if (name !== null && value) next.set(`${prefix}.${field}`, value);
  set(next, false);
}

export function forget(names: Record<string, string | number>): void {
  set(new URLSearchParams(Object.entries(names).map(([name, value]) => [name, String(value)])), true);
}

function set(next: URLSearchParams, isStep: boolean): void {
  if (String(next) === String(now)) return;
  now = next;
  const first = ["trace", ...MOMENT];
  const text = [...next].sort(([a], [b]) => Number(first.includes(b)) - Number(first.includes(a))).map(([name, value]) => `${name}=${encodeURIComponent(value).replace(/%(2F|3A|20)/g, (code) => ({ "%2F": "/", "%3A": ":", "%20": "+" })[code]!)}`);
  try {
    history[isStep ? "pushState" : "replaceState"](null, "", `#${text.join("&")}`);
  } catch {
    // A frame of a notebook has no address of its own: what is shown is known here alone.
  }
  if (isStep) for (const told of [...listeners]) told();
}

/** Called when there is another moment, or another address altogether. */
export function listen(told: (isOther: boolean) => void): () => void {
  const moved = () => told(false);
  const changed = () => {
    const before = now;
    now = read();
    const rest = (all: URLSearchParams) => String(new URLSearchParams([...all].filter(([name]) => !MOMENT.includes(name))));
    told(rest(before) !== rest(now));
  };
  listeners.add(moved);
  addEventListener("popstate", changed);
  return () => {
    listeners.delete(moved);
    removeEventListener("popstate", changed);
  };
}
