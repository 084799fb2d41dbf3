// Where the trace differs from another one that is shown, and that other one beside it.

import { useState } from "preact/hooks";
import { Failed } from "./Failed";
import { SourcePanel } from "./SourcePanel";
import type { Beside, Shown } from "./store";
import { Page, useAnswer, usePage } from "./store";
import { baseName, grouped, printable, shown as text } from "./text";
import type { Difference, Differences as Found, Moment } from "./types";
import { VariablesPanel } from "./VariablesPanel";

export function Differences() {
  const { shown, act } = usePage();
  const { ask, others, beside } = shown;
  const [chosen, choose] = useState(others[0]!.number);
  const other = others.find((one) => one.number === chosen)!;
  const found = useAnswer<Found>((signal) => ask("differences", { other: chosen }, signal), [ask, chosen], true);
  const pick = (one: Difference) => {
    if (one.a && one.b) return act.both(chosen, one.a.seq, one.b.seq);
    if (one.a) act.go(one.a.seq);
    act.beside(one.b ? { number: chosen, seq: one.b.seq, found: null } : null);
  };
  return (
    <div class="differences">
      <p class="found">
        A is this trace, B{" "}
        {others.length > 1 ? (
          <select aria-label="B" value={chosen} onChange={(event) => choose(Number(event.currentTarget.value))}>
            {others.map((one) => (
              <option value={one.number}>{printable(baseName(one.path))}</option>
            ))}
          </select>
        ) : (
          printable(baseName(other.path))
        )}
        {found.value && `: ${counted(found.value)}`}
        {!found.value && !found.failure && " …"}{" "}
        <button onClick={() => act.together(chosen)}>both at this moment</button>
      </p>
      {found.failure && <Failed failure={found.failure} />}
      <ol class="list hits">
        {found.value?.rows.map((one) => (
          <li>
            <button aria-current={isHere(one, shown.moment.seq, beside) ? "true" : undefined} onClick={() => pick(one)}>
              <span class="seq">{one.a ? grouped(one.a.seq) : ""}</span>
              <span>{printable(told(one))}</span>
              {one.alignment !== "exact" && <em class="doubt">{one.alignment} to stand for each other</em>}
              <small>{printable(`A ${place(one.a)}  B ${place(one.b)}`)}</small>
            </button>
          </li>
        ))}
      </ol>
    </div>
  );
}

function isHere(one: Difference, seq: number, beside: Beside | null): boolean {
  return one.a?.seq === seq && one.b?.seq === beside?.seq;
}

function counted({ rows, summary }: Found): string {
  if (!rows.length) return `no difference in ${grouped(summary.aligned)} events`;
  return `${grouped(rows.length)}${summary.more ? " and more" : ""} found; a row shows both moments`;
}

function told(one: Difference): string {
  if (one.what === "flow") return !one.a ? "only B goes on" : !one.b ? "only A goes on" : "something else ran";
  const name = one.name ?? "the value";
  return one.parts.map((part) => `${name}${part.path}: ${text(part.a, 60)} → ${text(part.b, 60)}`).join("; ") || `${name} differs`;
}

function place(side: Difference["a"]): string {
  return side ? `${side.function} ${baseName(side.file)}:${side.line}` : "ended";
}

/** The same panels for a moment of the other trace. It is looked at, and asked from its own page. */
export function BesidePanels({ beside, path }: { beside: Beside; path: string }) {
  const page = usePage();
  const { act } = page;
  const { frame = null, seq } = beside;
  const ask = page.shown.askOther(beside.number);
  const moment = useAnswer<Moment>(() => ask("moment", frame === null ? { seq } : { seq, frame }), [ask, seq, frame]);
  const elsewhere = () => act.say(`choose ${baseName(path)} above to ask it`);
  if (moment.failure) return <Failed failure={moment.failure} />;
  if (!moment.value) return null;
  const shown: Shown = { ...page.shown, ask, moment: moment.value, breakpoints: [], side: "B: " };
  const acts = {
    ...act,
    go: (to: number) => act.beside({ number: beside.number, seq: to, found: null }),
    question: elsewhere,
    breakpoint: elsewhere,
    choose: () => null,
  };
  return (
    <Page.Provider value={{ shown, act: acts }}>
      <section class="beside" aria-label="the other trace">
        <header>
          <h2>
            B: {printable(baseName(path))} <small>event {grouped(moment.value.seq)} {printable(moment.value.title)}</small>
          </h2>
          <div class="steps" role="toolbar" aria-label="steps of B">
            {STEPS.map(([sign, how, back, title]) => (
              <button title={title} aria-label={title} onClick={() => act.moveBeside(how, back)}>{sign}</button>
            ))}
            <button aria-pressed={page.shown.isAligned} title="a: both step together, or each alone" onClick={() => act.align(!page.shown.isAligned)}>together</button>
            <button onClick={() => act.beside(null)}>close</button>
          </div>
          <Meeting beside={beside} />
        </header>
        <SourcePanel />
        <VariablesPanel />
      </section>
    </Page.Provider>
  );
}

const STEPS: [string, string, boolean, string][] = [
  ["⇤", "out", true, "B: to the call"],
  ["←", "next", true, "B: back over calls"],
  ["↖", "step", true, "B: a step back"],
  ["↘", "step", false, "B: a step, into calls"],
  ["→", "next", false, "B: over calls"],
  ["⇥", "out", false, "B: to the function's end"],
];

/** Whether the two are the same here, where they parted, and where they meet again. */
function Meeting({ beside }: { beside: Beside }) {
  const { shown, act } = usePage();
  const { found, number } = beside;
  if (!shown.isAligned) return <p class="meeting" role="status">each steps alone</p>;
  if (!found) return <p class="meeting" role="status"></p>;
  const [a, b] = found.parted;
  const sure = found.alignment === "exact" ? "" : found.alignment === "sure" ? ", aligned again" : ", likely";
  if (found.twin !== null)
    return (
      <p class="meeting" role="status">
        the same event in both{sure}
        {(a ?? b) !== null && (
          <>
            ; {a === null ? "only B went through what is before it" : b === null ? "only A went through what is before it" : "before it each went its own way"}{" "}
            <button onClick={() => act.both(number, a ?? shown.moment.seq, b ?? beside.seq)}>where they parted</button>
          </>
        )}
      </p>
    );
  const parted = a !== null && b !== null ? `parted at A ${grouped(a)}, B ${grouped(b)}` : a !== null ? `only A goes through this, from event ${grouped(a)} on` : b !== null ? `only B goes through this, from event ${grouped(b)} on` : "parted";
  return (
    <p class="meeting parted" role="status">
      {parted}
      {found.meet ? (
        <>
          ; they meet again at A {grouped(found.meet[0])}, B {grouped(found.meet[1])} <button title="m: to where they meet again" onClick={act.meet}>go there</button>
        </>
      ) : (
        "; they do not meet again"
      )}
    </p>
  );
}
