import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { forget, listen, recall, recallAll, recallFields, recallNumber, remember, rememberFields } from "./address";
import type { Failure, Opened } from "./api";
import { keyOf } from "./api";
import { BesidePanels } from "./Differences";
import { Failed } from "./Failed";
import { LowerPanel } from "./LowerPanel";
import { useLastMove, useMoves, useTogether } from "./moves";
import { seqOf } from "./Questions";
import { SourcePanel } from "./SourcePanel";
import { StackPanel } from "./StackPanel";
import type { Actions, Panel, Shown } from "./store";
import { Page, asFailure, useAnswer } from "./store";
import { baseName, duration, grouped, printable } from "./text";
import { COARSE, Timeline } from "./Timeline";
import type { About, Answers, Checked, Form, Moment } from "./types";
import { VariablesPanel } from "./VariablesPanel";

const MOVES: Record<string, string> = { s: "step", n: "next", o: "out", c: "run", e: "exception" };
const VIEWS = ["source", "variables", "stack", "lower", "timeline"];
const KEYS: [string, string][] = [
  ["s S", "step, into what is called; back"],
  ["n N", "over what is called; back"],
  ["o O", "to the function's end; to its call"],
  ["c C", "to the next breakpoint; the one before"],
  ["b B", "a breakpoint at this line, or none; one with a condition"],
  ["e E", "to where an exception is raised; back"],
  ["v V", "to the chosen variable's last change; to its next one"],
  ["g", "to an event, a time or a part: 2251, 1.5s, 25%"],
  ["/ ?", "to FILE:LINE, a function or an exception; back"],
  ["j k", "to the next row of a question's answer; the one before"],
  ["Home End", "to the first event; the last"],
  ["a m", "two traces: both step together, or each alone; to where they meet again"],
  ["h", "these keys"],
];

const PANELS: Panel[] = ["output", "calls", "questions", "differences"];

/** The moment, and a frame of it where it is not the innermost. */
const momentThere = () => ({ seq: recallNumber("at"), frame: recallNumber("frame") });

export function App({ opened }: { opened: Opened }) {
  const [trace, setTrace] = useState(() => Math.min(recallNumber("trace") ?? 0, opened.traces.length - 1));
  const [times, setTimes] = useState(0); // another address altogether is another page
  const ask = opened.ask(trace);
  const about = useAnswer<About>(() => ask("about"), [ask], true);
  const forms = useAnswer<{ questions: Form[] }>(() => ask("forms"), [ask]);
  const choice =
    opened.traces.length > 1 ? (
      <select
        aria-label="trace"
        value={trace}
        onChange={(event) => {
          forget({ trace: event.currentTarget.value });
          setTrace(Number(event.currentTarget.value));
        }}
      >
        {opened.traces.map((path, index) => (
          <option value={index}>{printable(baseName(path))}</option>
        ))}
      </select>
    ) : null;
  if (about.failure) return <Failed failure={about.failure} />;
  if (!about.value || !forms.value) return null;
  const others = opened.traces.map((path, number) => ({ number, path })).filter((one) => one.number !== trace);
  return <Run key={`${trace}.${times}`} again={() => setTimes((before) => before + 1)} ask={ask} about={about.value} forms={forms.value.questions} isFile={opened.isFile} choice={choice} others={others} traceNumber={trace} askOther={opened.ask} />;
}

type Props = Pick<Shown, "ask" | "about" | "forms" | "isFile" | "others" | "askOther"> & { choice: preact.JSX.Element | null; traceNumber: number; again: () => void };

function Run({ again, ask, about, forms, isFile, choice, others, traceNumber, askOther }: Props) {
  const [at, setAt] = useState(momentThere);
  const [breakpoints, setBreakpoints] = useState(() => recallAll("stop"));
  const [asked, setAsked] = useState<Shown["asked"]>({ question: "find", given: {}, answers: null, failure: null, at: -1 });
  const [panel, setPanel] = useState(() => PANELS.find((one) => one === recall("panel")) ?? "output");
  const [view, setView] = useState(() => VIEWS.find((one) => one === recall("view")) ?? "source");
  const [chosen, choose] = useState(() => recall("of") ?? "");
  const [watched, watch] = useState(() => recallAll("watch"));
  const [said, say] = useState("");
  const [entry, setEntry] = useState<Wanted | null>(null);
  const [help, setHelp] = useState(false);
  const [last, isMoving] = useLastMove(say);
  const moves = useMoves(ask, isFile);
  // What passes over the whole trace is answered in turn: first what is looked at.
  useEffect(() => void (isFile || recall("over") === "time" || ask("timeline", { columns: COARSE }).catch(() => null)), [ask]);
  const checked = useAnswer<Checked>(() => ask("checked"), [ask]);
  const seq = at.seq ?? about.begin_at;
  const moment = useAnswer<Moment>(
    () => (seq === null ? null : ask("moment", at.frame === null ? { seq } : { seq, frame: at.frame })),
    [ask, seq, at.frame],
  );
  // What was there last stays, where the next cannot be read.
  const kept = useRef<Moment | null>(null);
  if (moment.value) kept.current = moment.value;
  const now = kept.current;

  useEffect(() => listen((isOther) => (isOther ? again() : setAt(momentThere()))), []);
  // When it is drawn: nobody waits for that.
  useEffect(() => void (moment.value && moves.lookAhead(moment.value.seq)), [moves, moment.value]);
  const go = useCallback((to: number) => {
    last.giveUp();
    moves.makeRoom();
    say("");
    remember({ at: to, frame: null });
  }, [moves]);
  const together = useTogether({ ask, askOther, others, trace: traceNumber, seq, go, last, say });
  const { beside, isAligned } = together;
  useEffect(() => {
    const { question: name, given } = asked;
    remember({ panel: panel === "output" ? null : panel, view: view === "source" ? null : view, of: chosen, stop: breakpoints, watch: watched, beside: beside && `${beside.number}:${beside.seq}`, apart: isAligned ? null : 1 });
    if (asked.answers || asked.failure) rememberFields("ask", name, given);
  }, [panel, view, chosen, breakpoints, watched, beside?.number, beside?.seq, isAligned, asked]);
  useEffect(() => {
    const name = recall("ask");
    if (name !== null && forms.some((one) => one.name === name)) question(name, recallFields("ask"), false);
  }, []);

  // The last question alone is waited for.
  const waiting = useRef<AbortController | null>(null);
  const question = (name: string, given: Record<string, string>, isShown = true) => {
    waiting.current?.abort();
    const mine = (waiting.current = new AbortController());
    const done = (answers: Answers | null, failure: Failure | null) => {
      if (waiting.current !== mine) return;
      waiting.current = null;
      say(mine.signal.aborted ? "not asked to the end" : "");
      setAsked({ question: name, given, answers, failure: mine.signal.aborted ? null : failure, at: -1 });
    };
    if (isShown) setPanel("questions");
    if (isShown) setView("lower");
    setAsked({ question: name, given, answers: null, failure: null, at: -1 });
    say("… Esc ends it");
    ask<Answers>("ask", { question: name, ...given }, mine.signal).then(
      (answers) => done(answers, null),
      (reason) => done(null, asFailure(reason)),
    );
  };
  const move = (how: string, back = false, to = "") => {
    // Where the address leads to what cannot be read, keys lead on from the beginning.
    const here = now?.seq ?? about.begin_at;
    if (here === null) return;
    if (how === "run" && !breakpoints.length) return say("there is no breakpoint: b sets one at this line");
    if (isFile && how === "end") return go(back ? about.first : about.end - 1);
    if (isFile && how === "goto" && /^\d+$/.test(to)) return go(Number(to));
    // From where the last one led, though the page may not be there yet: no key is lost that follows at once.
    const from = (moment.failure ? null : momentThere().seq) ?? here;
    const given = { seq: from, how, ...(back ? { back: 1 } : {}), ...(how === "run" ? { to: breakpoints.join("\n") } : to ? { to } : {}) };
    const mine = last.begin(keyOf("move", given));
    if (!mine) return;
    moves.move(given, mine.signal).then(
      (there) => last.ended(mine, () => (there.moved ? go(there.seq) : say(`nothing there; this is still event ${from}`))),
      (reason) => last.ended(mine, () => say(asFailure(reason).message)),
    );
  };
  const hit = (number: number) => {
    const row = asked.answers?.rows[number];
    if (!row) return;
    setAsked({ ...asked, at: number });
    const to = seqOf(row);
    if (to !== null) go(to);
  };
  const act: Actions = {
    go,
    move,
    question,
    hit,
    choose,
    watch,
    say,
    frame: (number) => now && remember({ at: now.seq, frame: number === now.frame ? null : number }),
    fill: (name, given) => setAsked({ question: name, given, answers: null, failure: null, at: -1 }),
    breakpoint: (place, further = "") => {
      const others = breakpoints.filter((one) => one !== place && !one.startsWith(`${place} `));
      if (further === null) return setEntry({ kind: "b", place });
      if (!further && others.length < breakpoints.length) return setBreakpoints(others);
      setBreakpoints([...others, further ? `${place} ${further}` : place]);
      const [word, ...rest] = further.split(" ");
      if (!isFile) question("find", { at: place, ...(word ? { [word === "hits" ? "hits" : "when"]: rest.join(" ") } : {}) });
    },
    beside: together.set,
    together: together.show,
    both: together.both,
    moveBeside: together.move,
    align: together.align,
    meet: together.meet,
    open: setPanel,
  };

  useEffect(() => {
    const key = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "Escape") {
        setHelp(false);
        setEntry(null);
        waiting.current?.abort();
        if (last.giveUp()) say("not gone to the end");
      }
      if (/^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName)) return;
      const back = event.key !== event.key.toLowerCase();
      const letter = event.key.toLowerCase();
      const isBeside = target instanceof Element && target.closest(".beside") !== null;
      if (isBeside && ["s", "n", "o", "e"].includes(letter)) together.move(MOVES[letter]!, back);
      else if (event.key.length === 1 && MOVES[letter]) move(MOVES[letter]!, back);
      else if (letter === "v") chosen ? move("change", !back, chosen.split(/[.[]/)[0]) : say("no variable is chosen");
      else if (letter === "b" && now) act.breakpoint(`${now.shown.file}:${now.shown.line}`, back ? null : "");
      else if (letter === "g" || letter === "/" || letter === "?") setEntry({ kind: letter });
      else if (letter === "j") hit(asked.at + 1);
      else if (letter === "k") hit(asked.at - 1);
      else if (letter === "h") setHelp(!help);
      else if (letter === "a" && beside) together.align(!isAligned);
      else if (letter === "m" && beside) together.meet();
      else if (event.key === "Home") move("end", true);
      else if (event.key === "End") move("end");
      else return;
      event.preventDefault();
    };
    addEventListener("keydown", key);
    return () => removeEventListener("keydown", key);
  });

  const notice = checked.value?.notice ?? about.notice;
  const shown: Shown | null = now && { ask, about, forms, isFile, moment: now, breakpoints, asked, panel, chosen, watched, others, askOther, beside, isAligned, side: "" };
  // What is shown, and what can be done there, is the same until one of these is another: that a move is under way, and
  // what is said of it, is no reason to make all panels anew.
  const page = useMemo(() => shown && { shown, act }, [ask, now, moment.failure, breakpoints, asked, panel, chosen, watched, beside, isAligned]);
  const panels = useMemo(
    () => (
      <>
        <SourcePanel />
        <VariablesPanel />
        {beside ? <BesidePanels beside={beside} path={others.find((one) => one.number === beside.number)!.path} /> : <StackPanel />}
        <LowerPanel />
        {!beside && <Timeline checked={checked.value} />}
      </>
    ),
    [beside, checked.value],
  );
  return (
    <>
      <header>
        <h1>
          recorder <small title={printable(`${about.path}: ${about.command}`)}>{printable(about.command.replace(/^\S*\//, ""))}</small>
        </h1>
        {choice}
        {isFile && <p class="part">only events {grouped(about.first)} to {grouped(about.end - 1)}</p>}
        {now && <Where moment={now} about={about} />}
        <Buttons move={move} enter={() => setEntry({ kind: "g" })} help={() => setHelp(!help)} />
      </header>
      {notice && <p key="notice" class="notice" role="alert">{printable(notice)}</p>}
      {moment.failure && <Failed failure={moment.failure} />}
      {seq === null && <p key="empty" class="empty">there is no event to show</p>}
      {entry && <Entry wanted={entry} act={act} done={() => setEntry(null)} />}
      <p key="said" class="said" role="status">{printable(said)}</p>
      {page && (
        <Page.Provider value={page}>
          <nav aria-label="panels">
            {VIEWS.map((name) => (
              <button aria-pressed={view === name} onClick={() => setView(name)}>{name === "lower" ? "output, calls" : name}</button>
            ))}
          </nav>
          <main data-view={view} aria-busy={isMoving || (seq !== null && seq !== now?.seq && !moment.failure)} class={beside ? "both" : ""}>
            {panels}
          </main>
        </Page.Provider>
      )}
      {help && <Keys close={() => setHelp(false)} />}
    </>
  );
}

function Where({ moment, about }: { moment: Moment; about: About }) {
  return (
    <p class="where" aria-live="polite">
      <b>{grouped(moment.seq)}</b> of {grouped(about.end - 1)} <span class={`kind ${moment.kind}`}>{moment.kind}</span> {printable(moment.title)}{" "}
      <small>
        {printable(baseName(moment.file))}:{moment.line} <span class="since">+{duration(moment.elapsed_ns)}</span>
        {moment.task && ` ${printable(moment.task)}`}
      </small>
      {moment.lost_before !== null && <em class="doubt"> {moment.lost_before || "some"} events lost before</em>}
    </p>
  );
}

function Buttons({ move, enter, help }: { move: Actions["move"]; enter: () => void; help: () => void }) {
  const steps: [string, string, boolean, string][] = [
    ["⇤", "out", true, "O: to the call"],
    ["←", "next", true, "N: back over calls"],
    ["↖", "step", true, "S: a step back"],
    ["↘", "step", false, "s: a step, into calls"],
    ["→", "next", false, "n: over calls"],
    ["⇥", "out", false, "o: to the function's end"],
    ["◀!", "exception", true, "E: back to an exception"],
    ["!▶", "exception", false, "e: to the next exception"],
    ["◀●", "run", true, "C: back to a breakpoint"],
    ["●▶", "run", false, "c: to the next breakpoint"],
  ];
  return (
    <div class="steps" role="toolbar" aria-label="steps">
      {steps.map(([sign, how, back, title]) => (
        <button title={title} aria-label={title} onClick={() => move(how, back)}>{sign}</button>
      ))}
      <button title="g: go to an event or a time" onClick={enter}>go</button>
      <button title="h: the keys" onClick={help}>keys</button>
    </div>
  );
}

/** What is being typed: where to go, or when a breakpoint stops. */
type Wanted = { kind: "g" | "/" | "?" } | { kind: "b"; place: string };

const LABELS = {
  g: "an event, a time or a part: 2251, 1.5s, 25%",
  "/": "FILE:LINE, a function or an exception",
  "?": "FILE:LINE, a function or an exception, back",
  b: "a condition, such as total > 100; or: hits 3",
};

function Entry({ wanted, act, done }: { wanted: Wanted; act: Actions; done: () => void }) {
  const label = LABELS[wanted.kind];
  const enter = (text: string) => {
    if (wanted.kind === "b") act.breakpoint(wanted.place, !text || /^(if|hits)\b/.test(text) ? text : `if ${text}`);
    else if (text) act.move(wanted.kind === "g" ? "goto" : "search", wanted.kind === "?", text);
  };
  return (
    <form
      class="entry"
      onSubmit={(event) => {
        event.preventDefault();
        enter((new FormData(event.currentTarget as HTMLFormElement).get("to") as string).trim());
        done();
      }}
    >
      <label>
        {wanted.kind === "b" ? `stop at ${printable(baseName(wanted.place))} if` : "go to"} <input name="to" ref={(field) => field?.focus()} placeholder={label} aria-label={label} autocomplete="off" />
      </label>
    </form>
  );
}

function Keys({ close }: { close: () => void }) {
  return (
    <div class="keys" role="dialog" aria-label="keys">
      <table>
        {KEYS.map(([key, what]) => (
          <tr>
            <th scope="row">{key}</th>
            <td>{what}</td>
          </tr>
        ))}
      </table>
      {location.protocol === "http:" && (
        <p>
          From another machine: <code>ssh -L {location.port}:127.0.0.1:{location.port} HOST</code>, and this address.
        </p>
      )}
      <button ref={(button) => button?.focus()} onClick={close}>close</button>
    </div>
  );
}
