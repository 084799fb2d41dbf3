// Below: the output, the calls, and the questions.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Differences } from "./Differences";
import { Failed } from "./Failed";
import { Questions } from "./Questions";
import type { Panel } from "./store";
import { useAnswer, usePage } from "./store";
import { baseName, clipped, duration, duringText, grouped, printable } from "./text";
import type { Answer, Answers, Callee } from "./types";

export function LowerPanel() {
  const { shown, act } = usePage();
  const panels: Panel[] = ["output", "calls", "questions", ...(shown.others.length ? (["differences"] as const) : [])];
  const onKey = (event: KeyboardEvent) => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? panels.length - 1 : 0;
    if (!step) return;
    event.stopPropagation();
    act.open(panels[(panels.indexOf(shown.panel) + step) % panels.length]!);
    queueMicrotask(() => document.getElementById(`tab-${panels[(panels.indexOf(shown.panel) + step) % panels.length]}`)?.focus());
  };
  return (
    <section class="panel lower" aria-label="output, calls and questions">
      <div role="tablist" aria-label="panels" onKeyDown={onKey}>
        {panels.map((name) => (
          <button
            role="tab"
            id={`tab-${name}`}
            aria-controls="lower"
            aria-selected={shown.panel === name}
            tabIndex={shown.panel === name ? 0 : -1}
            onClick={() => act.open(name)}
          >
            {name}
          </button>
        ))}
      </div>
      <div id="lower" role="tabpanel" aria-labelledby={`tab-${shown.panel}`} class="scroll" tabIndex={0}>
        {shown.panel === "output" && <Output />}
        {shown.panel === "calls" && <Calls />}
        {shown.panel === "questions" && <Questions />}
        {shown.panel === "differences" && shown.others.length > 0 && <Differences />}
      </div>
    </section>
  );
}

interface Line {
  seq: number | null;
  stream: string;
  text: string;
  function: string | null;
  line: number | null;
  before: number;
  during?: Callee;
}

/** What was told by logging and the like, as a line beside the output. */
function toldLine(row: Answer): Line {
  const words = [row["levelname"] || row["kind"], row["name"]].filter(Boolean).join(" ");
  return { ...(row as unknown as Line), stream: "log", text: `${words}: ${String(row["text"])}` };
}

/** By the moments at which they were written and told. */
function merged(written: Line[], told: Line[]): Line[] {
  const found: Line[] = [];
  let next = 0;
  for (const one of written) {
    while (next < told.length && told[next]!.before <= one.before) found.push(told[next++]!);
    found.push(one);
  }
  return [...found, ...told.slice(next)];
}

/** What one event wrote to one stream is one piece, however often it wrote. */
function joined(pieces: Line[]): Line[] {
  const found: Line[] = [];
  for (const piece of pieces) {
    const last = found.at(-1);
    if (last && last.seq === piece.seq && last.stream === piece.stream && last.during?.function === piece.during?.function) last.text += piece.text;
    else found.push({ ...piece });
  }
  return found;
}

const LONGEST = 4_000; // characters of a piece

function Output() {
  const { shown, act } = usePage();
  const found = useAnswer<Answers>(() => shown.ask("ask", { question: "output", limit: 2000 }), [shown.ask]);
  const told = useAnswer<Answers>(() => shown.ask("ask", { question: "logs", limit: 2000 }), [shown.ask]);
  const seq = shown.moment.seq;
  const last = useRef<HTMLLIElement>(null);
  const lines = useMemo(
    () => joined(merged((found.value?.rows ?? []) as unknown as Line[], (told.value?.rows ?? []).filter((row) => !row["omitted"]).map(toldLine))),
    [found.value, told.value],
  );
  const done = lines.filter((one) => one.seq !== null && one.seq < seq).length;
  useEffect(() => last.current?.scrollIntoView({ block: "nearest" }), [done]);
  // No step makes them anew unless one of them was written meanwhile.
  const rows = useMemo(
    () =>
      lines.map((one, index) => (
        <li ref={index === done - 1 ? last : undefined}>
          <button
            class={`${one.stream}${one.seq !== null && one.seq >= seq ? " later" : ""}`}
            disabled={one.seq === null}
            title={one.during ? `${one.stream}, ${duringText(one.during)}` : one.stream}
            onClick={() => act.go(one.seq!)}
          >
            <span class="seq">{one.seq ?? ""}</span>
            <pre>{printable(clipped(one.text.replace(/\r?\n$/, ""), LONGEST))}</pre>
          </button>
        </li>
      )),
    [lines, done],
  );
  if (found.failure) return <Failed failure={found.failure} />;
  if (!found.value) return <p class="empty">…</p>;
  if (!lines.length) return <p class="empty">It wrote nothing to stdout and stderr and told nothing, or that was not recorded.</p>;
  return (
    <>
      <ol class="list output">{rows}</ol>
      {(found.value.more || told.value?.more) && <p class="empty">The first {grouped(lines.length)} pieces: the questions “output” and “logs” have more, from an event on.</p>}
    </>
  );
}

interface Call {
  level: number;
  seq: number;
  title: string;
  file: string | null;
  line: number | null;
  calls: number;
  total_ns: number;
  own_ns: number;
  raised: Record<string, number>;
  folded?: { nodes: number; calls: number };
}

function Calls() {
  const { shown, act } = usePage();
  const [sought, seek] = useState("");
  const found = useAnswer<Answers>(() => shown.ask("ask", { question: "tree" }), [shown.ask]);
  const every = (found.value?.rows ?? []) as unknown as Call[];
  const wanted = sought.trim().toLowerCase();
  const rows = useMemo(() => (wanted ? every.filter((row) => !row.folded && `${row.title} ${row.file}`.toLowerCase().includes(wanted)) : every), [found.value, wanted]);
  const body = useMemo(() => bodyOf(rows, act.go), [rows]); // the same at every moment
  if (found.failure) return <Failed failure={found.failure} />;
  if (!found.value) return <p class="empty">…</p>;
  return (
    <>
    <p class="found">
      <input type="search" aria-label="search the calls" placeholder="search the calls" value={sought} onInput={(event) => seek(event.currentTarget.value)} />
      {wanted && ` ${grouped(rows.length)} of ${grouped(every.length)}`}
      {every.some((row) => row.folded) && !shown.isFile && (
        <button onClick={() => act.question("calls", wanted ? { function: sought.trim() } : {})}>all calls of it, one by one</button>
      )}
    </p>
    <table class="calls">
      <thead>
        <tr>
          <th>what was called</th>
          <th>calls</th>
          <th>total</th>
          <th>own</th>
        </tr>
      </thead>
      <tbody>{body}</tbody>
    </table>
    </>
  );
}

function bodyOf(rows: Call[], go: (seq: number) => void) {
  const most = Math.max(...rows.map((row) => row.total_ns ?? 0), 1);
  return rows.map((row) => (
    <tr>
      <td style={{ paddingLeft: `${0.4 + Math.min(row.level, 16) * 0.9}rem` }}>
        {row.folded ? (
          <i>… {grouped(row.folded.nodes)} functions, {grouped(row.folded.calls)} calls</i>
        ) : (
          <button onClick={() => go(row.seq)}>
            {printable(row.title)} <small>{row.file && `${printable(baseName(row.file))}:${row.line}`}</small>
            {Object.keys(row.raised).length > 0 && <em class="raised"> ! {Object.keys(row.raised).map(printable).join(", ")}</em>}
          </button>
        )}
      </td>
      <td>{row.folded || !row.calls ? "" : grouped(row.calls)}</td>
      <td class="bar" style={{ "--part": row.folded ? 0 : row.total_ns / most }}>
        {row.folded || !row.calls ? "" : duration(row.total_ns)}
      </td>
      <td>{row.folded || !row.calls ? "" : duration(row.own_ns)}</td>
    </tr>
  ));
}
