// What ran when: bars for each thread's frames over the events, or over time, in as many columns as there are pixels to
// see. Both are whole numbers, of events or of ns: a view is from one to another one.

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { recall, remember } from "./address";
import { Failed } from "./Failed";
import { useAnswer, usePage } from "./store";
import { duration, grouped } from "./text";
import type { Chart, Checked, Ticks } from "./types";

const BAR = 14; // pixels
const HEAD = 16; // of a thread's name
const TICKS = 12;
const OVERVIEW = 22;
const WIDEST = 600; // columns
export const COARSE = 80; // columns of what is there at once
const LETTER = 6; // pixels, about
const CLOSEST = { events: 20, time: 1_000 }; // events, or ns, that are shown at least
const SETTLED = 120; // ms without another zoom, before finer columns are asked for

interface View {
  start: number;
  stop: number;
}

type Over = "events" | "time";

interface Colours {
  text: string;
  dim: string;
  line: string;
  bad: string;
  output: string;
  mark: string;
  here: string;
  gap: string;
  light: string;
  ground: string;
}

export function Timeline({ checked }: { checked: Checked | null }) {
  const [over, setOver] = useState<Over>(() => (recall("over") === "time" ? "time" : "events"));
  const turn = (to: Over) => {
    remember({ over: to === "time" ? to : null, zoom: null });
    setOver(to);
  };
  return <Chosen key={over} over={over} turn={turn} checked={checked} />;
}

function Chosen({ over, turn, checked }: { over: Over; turn: (to: Over) => void; checked: Checked | null }) {
  const { shown, act } = usePage();
  const isTime = over === "time";
  const { seq, elapsed_ns } = shown.moment;
  const here = isTime ? elapsed_ns : seq;
  const [width, setWidth] = useState(0);
  const columns = Math.min(WIDEST, Math.max(width, 1));
  // A file has the whole alone.
  const ask = <T,>(name: string, range: View | null, count = columns) => (signal: AbortSignal) =>
    width ? shown.ask<T>(name, { ...(isTime ? { over } : {}), ...(shown.isFile || !range ? {} : range), ...(shown.isFile || name !== "timeline" ? {} : { columns: count }) }, signal) : null;
  const coarse = useAnswer(ask<Chart>("timeline", null, Math.min(COARSE, columns)), [shown.ask, width > 0]);
  const span = coarse.value && { start: coarse.value.whole[0], stop: Math.max(coarse.value.whole[1], coarse.value.whole[0] + 1) };
  // How long it all took is known when the server says so; how many events there are, before.
  const whole: View = isTime ? (span ?? { start: 0, stop: Math.max(shown.about.duration_ns ?? 0, elapsed_ns + 1) }) : { start: shown.about.first, stop: Math.max(shown.about.end, shown.about.first + 1) };
  const [chosen, setView] = useState(() => zoomed());
  const view = chosen === null ? whole : within(whole, chosen, CLOSEST[over]);
  const [settled, setSettled] = useState(chosen);
  const [theme, setTheme] = useState(0);
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const pressed = useRef<{ x: number; view: View; moved: boolean } | null>(null);
  const fine = useAnswer(ask<Chart>("timeline", null), [shown.ask, columns]);
  const overview = { value: fine.value ?? coarse.value, failure: fine.failure };
  const chart = useAnswer(ask<Chart>("timeline", settled), [shown.ask, columns, settled?.start, settled?.stop]);
  const ticks = useAnswer(ask<Ticks>("ticks", settled), [shown.ask, width > 0, settled?.start, settled?.stop]);

  useEffect(() => {
    const sized = new ResizeObserver(() => setWidth(box.current!.clientWidth));
    sized.observe(box.current!);
    return () => sized.disconnect();
  }, []);
  useEffect(() => remember({ zoom: settled === null ? null : `${settled.start}-${settled.stop}` }), [settled?.start, settled?.stop]);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(chosen === null || (view.start === whole.start && view.stop === whole.stop) ? null : view), SETTLED);
    return () => clearTimeout(timer);
  }, [view.start, view.stop, chosen === null]);
  const isFirst = useRef(true); // what the address says is shown
  useEffect(() => {
    if (isFirst.current && recall("zoom")) {
      isFirst.current = false;
      return;
    }
    if (here < view.start || here >= view.stop) setView(around(view, here));
  }, [here]);

  const data = chart.value ?? overview.value;
  const height = useMemo(() => OVERVIEW + TICKS + (data?.threads ?? []).reduce((sum, one) => sum + HEAD + BAR * (1 + deepest(one.bars)), 0) + 4, [data]);
  const one = isTime ? 0 : 1;
  // At once: waiting for a frame would show the view of one before.
  useLayoutEffect(() => {
    if (width) draw(canvas.current!, { width, height, view, whole, overview: overview.value, data, ticks: ticks.value, gaps: isTime ? [] : (checked?.gaps ?? []), one });
  }, [width, height, view.start, view.stop, whole.start, whole.stop, overview.value, data, ticks.value, checked, theme]);
  useEffect(() => {
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    const again = () => setTheme((before) => before + 1); // the colours are those of the page
    scheme.addEventListener("change", again);
    return () => scheme.removeEventListener("change", again);
  }, []);

  const change = (how: (now: View) => View) => setView((now) => within(whole, how(now === null ? whole : within(whole, now, CLOSEST[over])), CLOSEST[over]));
  const zoom = (factor: number, at: number) => change((now) => ({ start: at - (at - now.start) * factor, stop: at + (now.stop - at) * factor }));
  const pan = (part: number) => change((now) => ({ start: now.start + (now.stop - now.start) * part, stop: now.stop + (now.stop - now.start) * part }));
  const placeAt = (x: number, range: View) => Math.min(Math.max(Math.floor(range.start + (x / width) * (range.stop - range.start)), whole.start), whole.stop - 1);
  /** To the event there: over time to the last one that had happened by then. */
  const goTo = (x: number, range: View, shownThere: Chart | null) => {
    const place = placeAt(x, range);
    if (!isTime) return act.go(place);
    if (!shownThere) return;
    const column = Math.floor(((place - shownThere.start) / (shownThere.stop - shownThere.start)) * shownThere.columns.length);
    const there = shownThere.columns[Math.min(Math.max(column, 0), shownThere.columns.length - 1)];
    if (there !== null && there !== undefined) act.go(there);
  };
  // Not passive: the page must not scroll meanwhile.
  useEffect(() => {
    const node = canvas.current!;
    const wheel = (event: WheelEvent) => {
      event.preventDefault();
      if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) pan(event.deltaX / width);
      else zoom(Math.exp(event.deltaY * 0.002), placeAt(event.offsetX, view));
    };
    node.addEventListener("wheel", wheel, { passive: false });
    return () => node.removeEventListener("wheel", wheel);
  });
  const onKey = (event: KeyboardEvent) => {
    const keys: Record<string, () => void> = {
      ArrowLeft: () => pan(-0.2),
      ArrowRight: () => pan(0.2),
      "+": () => zoom(0.5, here),
      "=": () => zoom(0.5, here),
      "-": () => zoom(2, here),
      "0": () => setView(null),
      t: () => turn(isTime ? "events" : "time"),
    };
    if (!keys[event.key]) return;
    event.preventDefault();
    event.stopPropagation();
    keys[event.key]!();
  };
  return (
    <section class="panel timeline" aria-label="timeline">
      <h2>
        timeline{" "}
        <small>
          {isTime ? `${duration(view.start)} to ${duration(view.stop)}` : `events ${grouped(view.start)} to ${grouped(view.stop)}`}
          {ticks.value?.more.length ? `, more ${ticks.value.more.join(" and ")} than are marked` : ""}
        </small>
        <span class="buttons">
          <span role="group" aria-label="the timeline is over">
            <button aria-pressed={!isTime} onClick={() => turn("events")}>events</button>
            <button aria-pressed={isTime} title="t: over time; where nothing was recorded it is pale" onClick={() => turn("time")}>time</button>
          </span>
          <button onClick={() => zoom(0.5, here)} aria-label="zoom in">+</button>
          <button onClick={() => zoom(2, here)} aria-label="zoom out">−</button>
          <button onClick={() => setView(null)}>all</button>
        </span>
      </h2>
      {(overview.failure ?? chart.failure) && <Failed failure={(overview.failure ?? chart.failure)!} />}
      <div class="scroll" ref={box}>
        <Here place={here} view={whole} one={one} width={width} top={0} height={OVERVIEW} />
        <Here place={here} view={view} one={one} width={width} top={OVERVIEW} height={height - OVERVIEW} />
        <canvas
          ref={canvas}
          style={{ width: `${width}px`, height: `${height}px` }}
          tabIndex={0}
          role="slider"
          aria-label="timeline: plus and minus zoom, arrows move, t changes between events and time"
          aria-valuemin={whole.start}
          aria-valuemax={whole.stop - 1}
          aria-valuenow={here}
          aria-valuetext={isTime ? `event ${seq}, at ${duration(here)}` : `event ${seq}`}
          onKeyDown={onKey}
          onPointerDown={(event) => {
            canvas.current!.setPointerCapture(event.pointerId);
            pressed.current = { x: event.offsetX, view, moved: false };
          }}
          onPointerMove={(event) => {
            const from = pressed.current;
            if (!from) return;
            const by = event.offsetX - from.x;
            if (Math.abs(by) > 3) from.moved = true;
            const part = (by / width) * (from.view.stop - from.view.start);
            if (from.moved && event.offsetY > OVERVIEW) change(() => ({ start: from.view.start - part, stop: from.view.stop - part }));
          }}
          onPointerUp={(event) => {
            const moved = pressed.current?.moved;
            pressed.current = null;
            if (moved) return;
            if (event.offsetY < OVERVIEW) goTo(event.offsetX, whole, overview.value);
            else goTo(event.offsetX, view, data);
          }}
        />
      </div>
    </section>
  );
}

/** The moment, over the drawing: with each step the drawing would be made anew. */
function Here({ place, view, one, width, top, height }: { place: number; view: View; one: number; width: number; top: number; height: number }) {
  if (place < view.start || place >= view.stop) return null;
  const pixels = width / (view.stop - view.start);
  return <i class="now" style={{ width: `${Math.max(2, Math.min(one * pixels, 3))}px`, height: `${height}px`, transform: `translate(${(place - view.start) * pixels}px, ${top}px)` }} />;
}

/** What the address says; null: the whole. */
function zoomed(): View | null {
  const [start, stop] = (recall("zoom") ?? "").split("-").map(Number);
  return Number.isInteger(start) && Number.isInteger(stop) && start! < stop! ? { start: start!, stop: stop! } : null;
}

function deepest(bars: Chart["threads"][number]["bars"]): number {
  return bars.reduce((most, bar) => Math.max(most, bar[0]), 0);
}

/** Whole numbers, no further than there is something, and at least so many. */
function within(whole: View, wanted: View, least: number): View {
  const size = Math.min(Math.max(Math.round(wanted.stop - wanted.start), least), whole.stop - whole.start);
  const start = Math.min(Math.max(Math.round(wanted.start), whole.start), whole.stop - size);
  return { start, stop: start + size };
}

function around(view: View, seq: number): View {
  const half = (view.stop - view.start) / 2;
  return { start: seq - half, stop: seq + half };
}

interface Drawing {
  width: number;
  height: number;
  view: View;
  whole: View;
  overview: Chart | null;
  data: Chart | null;
  ticks: Ticks | null;
  gaps: [number, number][];
  /** How wide an event is: nothing, over time. */
  one: number;
}

function draw(canvas: HTMLCanvasElement, what: Drawing): void {
  const scale = devicePixelRatio || 1;
  const { width, height, view, whole, data, one } = what;
  canvas.width = width * scale;
  canvas.height = height * scale;
  const pen = canvas.getContext("2d")!;
  pen.scale(scale, scale);
  pen.font = "11px system-ui, sans-serif";
  pen.textBaseline = "middle";
  const colours = coloursOf(canvas);
  const x = (event: number, range: View) => ((event - range.start) / (range.stop - range.start)) * width;

  if (what.overview) bars(pen, what.overview, (event) => x(event, whole), 0, 3, colours, width, false);
  pen.fillStyle = colours.line;
  pen.fillRect(0, OVERVIEW - 1, width, 1);
  const left = x(view.start, whole);
  pen.strokeStyle = colours.here;
  pen.strokeRect(left + 0.5, 0.5, Math.max(x(view.stop, whole) - left - 1, 3), OVERVIEW - 3);

  const at = (event: number) => x(event, view);
  for (const [first, behind] of what.gaps) {
    for (const [place, top, size] of [[at, OVERVIEW, height - OVERVIEW], [(event: number) => x(event, whole), 0, OVERVIEW]] as const) {
      pen.fillStyle = colours.gap;
      pen.fillRect(place(first), top, Math.max(place(behind) - place(first), 2), size);
    }
  }
  if (data && !one) {
    pen.fillStyle = colours.gap;
    for (const [first, behind] of stretchesOf(data)) pen.fillRect(at(placeOf(data, first)), OVERVIEW, Math.max(at(placeOf(data, behind)) - at(placeOf(data, first)), 2), height - OVERVIEW);
  }
  if (what.ticks) {
    const { output, marks, exceptions, spans } = what.ticks;
    const kinds = [[output, spans.output, colours.output], [marks, undefined, colours.mark], [exceptions, spans.exceptions, colours.bad]] as const;
    for (const [events, stretches, fill] of kinds) {
      pen.fillStyle = fill;
      pen.globalAlpha = 0.45; // somewhere in there
      for (const [first, behind] of stretches ?? []) pen.fillRect(at(first), OVERVIEW + 2, Math.max(1.5, at(behind) - at(first)), TICKS - 4);
      pen.globalAlpha = 1;
      for (const event of events) pen.fillRect(at(event), OVERVIEW + 2, Math.max(1.5, at(event + one) - at(event) - 1), TICKS - 4);
    }
  }
  if (data) bars(pen, data, at, OVERVIEW + TICKS, BAR, colours, width, true);
}

let known: { isDark: boolean; colours: Colours } | null = null;

/** Those of the page, asked once for each theme. */
function coloursOf(canvas: HTMLCanvasElement): Colours {
  const isDark = matchMedia("(prefers-color-scheme: dark)").matches;
  if (known?.isDark !== isDark) {
    const style = getComputedStyle(canvas);
    const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
    const colours = {
      text: colour("text"), dim: colour("dim"), line: colour("line"), bad: colour("bad"), output: colour("good"), mark: colour("accent"), here: colour("accent"), gap: colour("gap"), light: colour("bar-light"), ground: colour("panel"),
    };
    known = { isDark, colours };
  }
  return known.colours;
}

const fillings = new WeakMap<Chart, { light: string; fills: string[] }>();

/** By number of the title. */
function fillsOf(chart: Chart, light: string): string[] {
  let found = fillings.get(chart);
  if (found?.light !== light) {
    found = { light, fills: chart.titles.map((title) => `hsl(${hue(title)} 45% ${light})`) };
    fillings.set(chart, found);
  }
  return found.fills;
}

function bars(pen: CanvasRenderingContext2D, chart: Chart, at: (event: number) => number, top: number, size: number, colours: Colours, width: number, named: boolean): void {
  const fills = fillsOf(chart, colours.light);
  const event = (column: number) => placeOf(chart, column);
  let y = top;
  for (const thread of chart.threads) {
    if (named) {
      pen.fillStyle = colours.dim;
      pen.fillText(thread.task === null ? thread.name : `${thread.name}, ${thread.task}`, 4, y + HEAD / 2);
      y += HEAD;
    }
    for (const [depth, first, behind, title] of thread.bars) {
      const row = y + depth * size;
      if (!named && row > OVERVIEW - 6) continue;
      const left = Math.max(at(event(first)), 0);
      const right = Math.min(at(event(behind)), width);
      if (right < 0 || left > width || right - left < 0.2) continue;
      pen.fillStyle = fills[title]!;
      pen.fillRect(left, row, Math.max(right - left - (right - left > 3 ? 0.5 : 0), 0.7), size - 1);
      if (named && right - left > 24) {
        pen.fillStyle = colours.text;
        pen.fillText(chart.titles[title]!.slice(0, (right - left - 4) / LETTER), left + 3, row + size / 2, right - left - 5);
      }
    }
    if (named) {
      // Nothing was recorded: what stands there waits, or is in code that is not recorded.
      pen.fillStyle = colours.ground;
      pen.globalAlpha = 0.7;
      for (const [first, behind] of thread.idle) pen.fillRect(at(event(first)), y, at(event(behind)) - at(event(first)), size * (1 + deepest(thread.bars)));
      pen.globalAlpha = 1;
    }
    y += named ? size * (1 + deepest(thread.bars)) : 0;
    if (!named) y += 4;
  }
}

function placeOf(chart: Chart, column: number): number {
  return chart.start + ((chart.stop - chart.start) * column) / chart.columns.length;
}

/** Columns that cannot be read, from the first one to the one behind the last. */
function stretchesOf(chart: Chart): [number, number][] {
  const found: [number, number][] = [];
  chart.columns.forEach((event, column) => {
    const last = found.at(-1);
    if (event !== null) return;
    if (last?.[1] === column) last[1] = column + 1;
    else found.push([column, column + 1]);
  });
  return found;
}

function hue(name: string): number {
  let sum = 0;
  for (let index = 0; index < name.length; index++) sum = (sum * 31 + name.charCodeAt(index)) % 360;
  return sum;
}
