// What ran when: bars for each thread's frames over the events, in as many columns as there are pixels to see.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { recall, remember } from "./address";
import { Failed } from "./Failed";
import { useAnswer, usePage } from "./store";
import { grouped } from "./text";
import type { Chart, Checked, Ticks } from "./types";

const BAR = 14; // pixels
const HEAD = 16; // of a thread's name
const TICKS = 12;
const OVERVIEW = 22;
const WIDEST = 600; // columns
const COARSE = 80; // columns of what is there at once
const LETTER = 6; // pixels, about
const SETTLED = 120; // ms without another zoom, before finer columns are asked for

interface View {
  start: number;
  stop: number;
}

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
}

export function Timeline({ checked }: { checked: Checked | null }) {
  const { shown, act } = usePage();
  const whole: View = { start: shown.about.first, stop: Math.max(shown.about.end, shown.about.first + 1) };
  const [view, setView] = useState(() => zoomed(whole));
  const [settled, setSettled] = useState(view);
  const [width, setWidth] = useState(0);
  const [, setTheme] = useState(0);
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const pressed = useRef<{ x: number; view: View; moved: boolean } | null>(null);
  const columns = Math.min(WIDEST, Math.max(width, 1));
  // A file has the whole alone.
  const ask = <T,>(name: string, range: View, count = columns) => (signal: AbortSignal) =>
    width ? shown.ask<T>(name, shown.isFile ? {} : { start: range.start, stop: range.stop, ...(name === "timeline" ? { columns: count } : {}) }, signal) : null;
  const coarse = useAnswer(ask<Chart>("timeline", whole, Math.min(COARSE, columns)), [shown.ask, width > 0]);
  const fine = useAnswer(ask<Chart>("timeline", whole), [shown.ask, columns]);
  const overview = { value: fine.value ?? coarse.value, failure: fine.failure };
  const chart = useAnswer(ask<Chart>("timeline", settled), [shown.ask, columns, settled.start, settled.stop]);
  const ticks = useAnswer(ask<Ticks>("ticks", settled), [shown.ask, width > 0, settled.start, settled.stop]);

  useEffect(() => {
    const sized = new ResizeObserver(() => setWidth(box.current!.clientWidth));
    sized.observe(box.current!);
    return () => sized.disconnect();
  }, []);
  useEffect(() => remember({ zoom: settled.start === whole.start && settled.stop === whole.stop ? null : `${settled.start}-${settled.stop}` }), [settled.start, settled.stop]);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(view), SETTLED);
    return () => clearTimeout(timer);
  }, [view.start, view.stop]);
  const { seq } = shown.moment;
  const isFirst = useRef(true); // what the address says is shown
  useEffect(() => {
    if (isFirst.current && recall("zoom")) {
      isFirst.current = false;
      return;
    }
    if (seq < view.start || seq >= view.stop) setView(within(whole, around(view, seq)));
  }, [seq]);

  const data = chart.value ?? overview.value;
  const height = useMemo(() => OVERVIEW + TICKS + (data?.threads ?? []).reduce((sum, one) => sum + HEAD + BAR * (1 + deepest(one.bars)), 0) + 4, [data]);
  useEffect(() => {
    if (!canvas.current || !width) return;
    const frame = requestAnimationFrame(() => {
      if (canvas.current) draw(canvas.current, { width, height, view, whole, overview: overview.value, data, ticks: ticks.value, gaps: checked?.gaps ?? [], seq });
    });
    return () => cancelAnimationFrame(frame);
  });
  useEffect(() => {
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    const again = () => setTheme((before) => before + 1); // the colours are those of the page
    scheme.addEventListener("change", again);
    return () => scheme.removeEventListener("change", again);
  }, []);

  const zoom = (factor: number, at: number) => setView((now) => within(whole, { start: at - (at - now.start) * factor, stop: at + (now.stop - at) * factor }));
  const pan = (part: number) => setView((now) => within(whole, { start: now.start + (now.stop - now.start) * part, stop: now.stop + (now.stop - now.start) * part }));
  const seqAt = (x: number, range: View) => Math.min(Math.max(Math.floor(range.start + (x / width) * (range.stop - range.start)), whole.start), whole.stop - 1);
  // Not passive: the page must not scroll meanwhile.
  useEffect(() => {
    const node = canvas.current!;
    const wheel = (event: WheelEvent) => {
      event.preventDefault();
      if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) pan(event.deltaX / width);
      else zoom(Math.exp(event.deltaY * 0.002), seqAt(event.offsetX, view));
    };
    node.addEventListener("wheel", wheel, { passive: false });
    return () => node.removeEventListener("wheel", wheel);
  });
  const onKey = (event: KeyboardEvent) => {
    const keys: Record<string, () => void> = {
      ArrowLeft: () => pan(-0.2),
      ArrowRight: () => pan(0.2),
      "+": () => zoom(0.5, seq),
      "=": () => zoom(0.5, seq),
      "-": () => zoom(2, seq),
      "0": () => setView(whole),
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
          events {grouped(view.start)} to {grouped(view.stop)}
          {ticks.value?.more.length ? `, more ${ticks.value.more.join(" and ")} than are marked` : ""}
        </small>
        <span class="buttons">
          <button onClick={() => zoom(0.5, seq)} aria-label="zoom in">+</button>
          <button onClick={() => zoom(2, seq)} aria-label="zoom out">−</button>
          <button onClick={() => setView(whole)}>all</button>
        </span>
      </h2>
      {(overview.failure ?? chart.failure) && <Failed failure={(overview.failure ?? chart.failure)!} />}
      <div class="scroll" ref={box}>
        <canvas
          ref={canvas}
          style={{ width: `${width}px`, height: `${height}px` }}
          tabIndex={0}
          role="slider"
          aria-label="timeline: plus and minus zoom, arrows move"
          aria-valuemin={whole.start}
          aria-valuemax={whole.stop - 1}
          aria-valuenow={seq}
          aria-valuetext={`event ${seq}`}
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
            if (from.moved && event.offsetY > OVERVIEW) setView(within(whole, { start: from.view.start - part, stop: from.view.stop - part }));
          }}
          onPointerUp={(event) => {
            const moved = pressed.current?.moved;
            pressed.current = null;
            if (moved) return;
            const range = event.offsetY < OVERVIEW ? whole : view;
            act.go(seqAt(event.offsetX, range));
          }}
        />
      </div>
    </section>
  );
}

/** What the address says, or the whole. */
function zoomed(whole: View): View {
  const [start, stop] = (recall("zoom") ?? "").split("-").map(Number);
  return Number.isInteger(start) && Number.isInteger(stop) && start! < stop! ? within(whole, { start: start!, stop: stop! }) : whole;
}

function deepest(bars: Chart["threads"][number]["bars"]): number {
  return bars.reduce((most, bar) => Math.max(most, bar[0]), 0);
}

/** Whole numbers, no further than there is something, and at least a few events. */
function within(whole: View, wanted: View): View {
  const size = Math.min(Math.max(Math.round(wanted.stop - wanted.start), 20), whole.stop - whole.start);
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
  seq: number;
}

function draw(canvas: HTMLCanvasElement, what: Drawing): void {
  const scale = devicePixelRatio || 1;
  const { width, height, view, whole, data, seq } = what;
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
  pen.fillStyle = colours.here;
  pen.fillRect(x(seq, whole), 0, 1.5, OVERVIEW);

  const at = (event: number) => x(event, view);
  for (const [first, behind] of what.gaps) {
    for (const [place, top, size] of [[at, OVERVIEW, height - OVERVIEW], [(event: number) => x(event, whole), 0, OVERVIEW]] as const) {
      pen.fillStyle = colours.gap;
      pen.fillRect(place(first), top, Math.max(place(behind) - place(first), 2), size);
    }
  }
  if (what.ticks) {
    const { output, marks, exceptions, spans } = what.ticks;
    const kinds = [[output, spans.output, colours.output], [marks, undefined, colours.mark], [exceptions, spans.exceptions, colours.bad]] as const;
    for (const [events, stretches, fill] of kinds) {
      pen.fillStyle = fill;
      pen.globalAlpha = 0.45; // somewhere in there
      for (const [first, behind] of stretches ?? []) pen.fillRect(at(first), OVERVIEW + 2, Math.max(1.5, at(behind) - at(first)), TICKS - 4);
      pen.globalAlpha = 1;
      for (const event of events) pen.fillRect(at(event), OVERVIEW + 2, Math.max(1.5, at(event + 1) - at(event) - 1), TICKS - 4);
    }
  }
  if (data) bars(pen, data, at, OVERVIEW + TICKS, BAR, colours, width, true);
  pen.fillStyle = colours.here;
  pen.fillRect(at(seq), OVERVIEW, Math.max(2, Math.min(at(seq + 1) - at(seq), 3)), height - OVERVIEW);
}

let known: { isDark: boolean; colours: Colours } | null = null;

/** Those of the page, asked once for each theme. */
function coloursOf(canvas: HTMLCanvasElement): Colours {
  const isDark = matchMedia("(prefers-color-scheme: dark)").matches;
  if (known?.isDark !== isDark) {
    const style = getComputedStyle(canvas);
    const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
    const colours = {
      text: colour("text"), dim: colour("dim"), line: colour("line"), bad: colour("bad"), output: colour("good"), mark: colour("accent"), here: colour("accent"), gap: colour("gap"), light: colour("bar-light"),
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
  const count = chart.columns.length;
  const fills = fillsOf(chart, colours.light);
  const event = (column: number) => chart.start + ((chart.stop - chart.start) * column) / count;
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
    y += named ? size * (1 + deepest(thread.bars)) : 0;
    if (!named) y += 4;
  }
}

function hue(name: string): number {
  let sum = 0;
  for (let index = 0; index < name.length; index++) sum = (sum * 31 + name.charCodeAt(index)) % 360;
  return sum;
}
