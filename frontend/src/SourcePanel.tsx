// The text that runs: how often each line did, what it changed when this call last ran it, and breakpoints.

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { Failed } from "./Failed";
import { lines as coloured } from "./python";
import type { Ask, Params } from "./api";
import { usePage, useAnswer } from "./store";
import { baseName, grouped, printable } from "./text";
import type { Inline, Source } from "./types";

const ROW = 20; // pixels
const AROUND = 30; // rows beyond those that can be seen

interface Counts {
  times: (number | null)[];
  next: number | null;
}

const SETTLED = 300; // ms at one moment, before lines are counted: no step waits for that
const known = new WeakMap<Ask, Map<string, Counts>>();

/** How often each line ran. Of a long run that takes a while: what was counted so far is shown, and it goes on where no
 * step is made. */
function useCounts(ask: Ask, given: Params, isFile: boolean, seq: number, on: unknown[]): { times: (number | null)[]; isPart: boolean } {
  const [found, set] = useState<Counts>({ times: [], next: 0 });
  const moved = useRef(0);
  useEffect(() => void (moved.current = performance.now()), [seq]);
  useEffect(() => {
    const left = new AbortController();
    const texts = known.get(ask) ?? new Map<string, Counts>();
    known.set(ask, texts);
    const key = JSON.stringify(given);
    const settled = async () => {
      for (let wait; (wait = moved.current + SETTLED - performance.now()) > 0; ) await new Promise((done) => setTimeout(done, wait));
    };
    const go = async () => {
      let now = texts.get(key) ?? { times: [], next: 0 };
      set(now);
      while (now.next !== null) {
        if (!isFile) await settled();
        if (left.signal.aborted) return;
        const more: Counts = await ask<Counts>("counts", isFile ? given : { ...given, soon: 1, ...(now.next ? { start: now.next } : {}) }, left.signal);
        const { times } = now;
        now = { times: more.times.map((count, line) => (count === null ? times[line] ?? null : count + (times[line] ?? 0))), next: more.next ?? null };
        texts.set(key, now);
        if (!left.signal.aborted) set(now);
      }
    };
    go().catch(() => left.signal.aborted || set((now) => ({ ...now, next: null }))); // the text is there without them
    return () => left.abort();
  }, on);
  return { times: found.times, isPart: found.next !== null };
}

export function SourcePanel() {
  const { shown, act } = usePage();
  const { ask, moment } = shown;
  const { file, source, line, frame } = moment.shown;
  const given: Params = source === null ? { file } : { file, sha256: source };
  const text = useAnswer<Source>(() => ask("source", given), [ask, file, source], true);
  const { times, isPart } = useCounts(ask, given, shown.isFile, moment.seq, [ask, file, source]);
  const inline = useAnswer<Inline>(() => ask("inline", { seq: moment.seq, frame }), [ask, moment.seq, frame]);
  const rows = useMemo(() => coloured(text.value?.lines ?? []), [text.value]);
  const most = Math.max(...times.map((count) => count ?? 0), 1);
  const values = new Map(inline.value?.lines.map((one) => [one.line, one]));
  const box = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(400);

  useEffect(() => {
    const sized = new ResizeObserver(() => setHeight(box.current!.clientHeight));
    sized.observe(box.current!);
    return () => sized.disconnect();
  }, []);
  // By what is known of the pane: to ask it would have all of the page laid out once more.
  useLayoutEffect(() => {
    const y = (line - 1) * ROW;
    if (!rows.length || (y >= top + ROW && y <= top + height - 3 * ROW)) return;
    box.current!.scrollTop = Math.max(y - height / 2, 0);
    setTop(box.current!.scrollTop);
  }, [line, rows]);

  const first = Math.max(Math.floor(top / ROW) - AROUND, 0);
  const visible = rows.slice(first, first + Math.ceil(height / ROW) + 2 * AROUND);
  return (
    <section class="panel source" aria-label={`${shown.side}source`}>
      <h2>
        <span class="path" title={printable(file)}>
          {printable(baseName(file))}:{line}
        </span>{" "}
        <small>{printable(moment.shown.title)}{isPart && ", counting …"}</small>
      </h2>
      {text.failure && <Failed failure={text.failure} />}
      {text.value?.doubt && <p class="doubt">not proved to be what ran: {text.value.doubt}</p>}
      {text.value?.missing && (
        <p class="empty">
          Line {line}. The text is not in the trace: {text.value.missing}.
        </p>
      )}
      <div
        class="scroll code"
        ref={box}
        tabIndex={0}
        role="region"
        aria-label={`${shown.side}text of ${baseName(file)}`}
        onScroll={(event) => setTop(event.currentTarget.scrollTop)}
      >
        <div class="rows" style={{ height: `${rows.length * ROW}px` }}>
          {visible.map((pieces, index) => {
            const number = first + index + 1;
            const place = `${file}:${number}`;
            const count = times[number - 1];
            const stop = shown.breakpoints.some((one) => one === place || one.startsWith(`${place} `));
            const heat = count ? 0.08 + (0.5 * Math.log(count + 1)) / Math.log(most + 1) : 0;
            return (
              <div
                key={number}
                class={`row${number === line ? " here" : ""}`}
                style={{ top: `${(number - 1) * ROW}px` }}
                aria-current={number === line ? "step" : undefined}
              >
                <span class="heat" style={{ "--heat": heat }} title={times.length ? `ran ${count ?? 0} times` : ""}>
                  {count === undefined || count === null ? "" : count ? grouped(count) : "–"}
                </span>
                <button
                  class={`number${stop ? " stop" : ""}`}
                  tabIndex={-1}
                  aria-label={`${stop ? "remove the" : "a"} breakpoint at line ${number}`}
                  title="a breakpoint; with Shift, one with a condition"
                  onClick={(event) => act.breakpoint(place, event.shiftKey ? null : "")}
                  onContextMenu={(event) => {
                    event.preventDefault();
                    act.breakpoint(place, null);
                  }}
                >
                  {number}
                </button>
                <code>
                  {pieces.map(([kind, piece]) => (kind ? <span class={`py-${kind}`}>{printable(piece)}</span> : printable(piece)))}
                </code>
                {values.get(number)?.values.length ? (
                  <button class="inline" tabIndex={-1} title="where it ran" onClick={() => act.go(values.get(number)!.seq)}>
                    {values
                      .get(number)!
                      .values.map(([name, value]) => `${name} = ${value ?? "(unbound)"}`)
                      .map(printable)
                      .join("  ")}
                  </button>
                ) : null}
              </div>
            );
          })}
        </div>
      </div>
    </section>
  );
}
