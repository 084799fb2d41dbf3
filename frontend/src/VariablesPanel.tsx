// The variables of a frame, as trees that are loaded as they open, and what leads from a value to where it came from.

import { useState } from "preact/hooks";
import { Failed } from "./Failed";
import { useAnswer, usePage } from "./store";
import { Table } from "./Table";
import { printable } from "./text";
import type { Row } from "./types";

type Part = (string | number)[];

export function VariablesPanel() {
  const { shown, act } = usePage();
  const { moment } = shown;
  const isHere = moment.shown.frame === moment.frame;
  const [path, setPath] = useState(shown.side ? "" : shown.chosen);
  const [withGlobals, setGlobals] = useState(false);
  const [withDefinitions, setDefinitions] = useState(false);
  const definitions = moment.variables.filter((row) => row.definition).length;
  const changes = isHere ? moment.changes : [];
  const select = (chosen: string | null) => {
    act.choose(chosen ?? "");
    setPath(chosen ?? "");
  };
  const ask = (question: string, given: Record<string, string>) => act.question(question, given);
  const at = String(moment.seq);
  return (
    <section class="panel variables" aria-label={`${shown.side}variables`}>
      <h2>
        variables <small>{printable(moment.shown.title)}{isHere ? "" : `, as of event ${moment.shown.as_of}`}</small>
      </h2>
      <div key="about" class="about" role="toolbar" aria-label={`${shown.side}about the chosen variable`}>
        <code>{path ? printable(path) : "choose one"}</code>
        <button disabled={!path} onClick={() => ask("why", { name: path, at })}>where from</button>
        <button disabled={!path} onClick={() => ask("history", { name: path.split(/[.[]/)[0]! })}>history</button>
        <button disabled={!path} onClick={() => ask("same", { expression: path, at })}>who else holds it</button>
        <button disabled={!path} onClick={() => ask("watch", { expression: path })}>changes</button>
        {!shown.isFile && <button disabled={!path} onClick={() => act.watch([...shown.watched.filter((one) => one !== path), path])}>pin</button>}
      </div>
      <div key="scroll" class="scroll" tabIndex={0} role="region" aria-label={`${shown.side}variables of the frame`}>
        {changes.length > 0 && (
          <ul key="changes" class="changes" aria-label="what has just changed">
            {changes.map((one) => (
              <li>
                <b>{printable(one.name)}</b> {one.old !== null && <><s>{printable(one.old)}</s> → </>}
                <span>{one.new === null ? "(unbound)" : printable(one.new)}</span>
                {one.line !== null && <small> line {one.line}{one.during && `, during ${one.during.function}`}</small>}
              </li>
            ))}
          </ul>
        )}
        <ul key="tree" class="tree" role="tree" aria-label={`${shown.side}variables`}>
          {isHere && moment.value && <Branch row={{ ...moment.value, name: moment.outcome ?? "value" }} part={["(value)"]} select={select} mark />}
          {moment.variables.filter((row) => !row.definition || row.changed || withDefinitions).map((row) => (
            <Branch key={row.name} row={row} part={[row.name]} select={select} mark={row.changed} />
          ))}
        </ul>
        {moment.more_variables > 0 && <p class="empty">and {moment.more_variables} more</p>}
        {definitions > 0 && (
          <button class="more" aria-expanded={withDefinitions} onClick={() => setDefinitions(!withDefinitions)}>
            {definitions} definitions
          </button>
        )}
        <button class="more" aria-expanded={withGlobals} onClick={() => setGlobals(!withGlobals)}>
          globals
        </button>
        {withGlobals && <Globals select={select} />}
        <Watched />
      </div>
    </section>
  );
}

function Globals({ select }: { select: (path: string | null) => void }) {
  const { shown } = usePage();
  const { seq } = shown.moment;
  const { frame } = shown.moment.shown;
  const found = useAnswer<{ rows: (Row & { definition: boolean })[] }>(() => shown.ask("globals", { seq, frame }), [seq, frame]);
  if (found.failure) return <Failed failure={found.failure} />;
  const rows = found.value?.rows.filter((row) => !row.definition) ?? [];
  if (found.value && !rows.length) return <p class="empty">none but definitions</p>;
  return (
    <ul class="tree" role="tree" aria-label={`${shown.side}globals`}>
      {rows.map((row) => (
        <Branch key={row.name} row={row} part={[`(global) ${row.name}`]} select={select} />
      ))}
    </ul>
  );
}

function Branch(props: { row: Row; part: Part; select: (path: string | null) => void; mark?: boolean; level?: number }) {
  const { row, part, select, mark, level = 1 } = props;
  const [open, setOpen] = useState(false);
  const [asTree, setTree] = useState(false);
  const canOpen = row.children > 0 || row.table;
  const onKey = (event: KeyboardEvent) => {
    if (event.target !== event.currentTarget) return;
    if (event.key === "ArrowRight" && canOpen) setOpen(true);
    else if (event.key === "ArrowLeft") setOpen(false);
    else if (event.key === "Enter" || event.key === " ") select(row.path);
    else if (event.key === "ArrowDown" || event.key === "ArrowUp") walk(event.currentTarget as HTMLElement, event.key === "ArrowDown");
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <li
      role="treeitem"
      tabIndex={0}
      aria-expanded={canOpen ? open : undefined}
      aria-level={level}
      aria-selected={false}
      class={mark ? "changed" : ""}
      onKeyDown={onKey}
      onFocus={(event) => event.target === event.currentTarget && select(row.path)}
    >
      <div class="value" onClick={() => canOpen && setOpen(!open)}>
        <span class="twist" aria-hidden="true">
          {canOpen ? (open ? "▾" : "▸") : ""}
        </span>
        <b>{printable(row.name)}</b>
        <span class="text" title={printable(row.type)}>
          {printable(row.text)}
        </span>
      </div>
      {open && row.table && row.children > 0 && (
        <button class="more" onClick={() => setTree(!asTree)}>
          {asTree ? "as a table" : "part by part"}
        </button>
      )}
      {open && (row.table && !asTree ? <Table part={part} name={row.name} select={select} otherwise={() => setTree(true)} /> : <Children part={part} select={select} level={level + 1} />)}
    </li>
  );
}

function walk(from: HTMLElement, down: boolean) {
  const all = [...(from.closest(".tree")?.querySelectorAll<HTMLElement>("[role=treeitem]") ?? [])];
  all[all.indexOf(from) + (down ? 1 : -1)]?.focus();
}

function Children({ part, select, level }: { part: Part; select: (path: string | null) => void; level: number }) {
  const { shown } = usePage();
  const { seq } = shown.moment;
  const { frame } = shown.moment.shown;
  const [first, setFirst] = useState(0);
  const found = useAnswer<{ rows: Row[]; count: number }>(
    () => shown.ask("children", { seq, frame, part: JSON.stringify(part), ...(first ? { first } : {}) }),
    [seq, frame, JSON.stringify(part), first],
  );
  if (found.failure) return <Failed failure={found.failure} />;
  if (!found.value) return <p class="empty">…</p>;
  const { rows, count } = found.value;
  return (
    <ul role="group">
      {rows.map((row, index) => (
        <Branch key={index} row={row} part={[...part, first + index]} select={select} level={level} />
      ))}
      {count > rows.length && (
        <li role="treeitem" tabIndex={-1} aria-level={level} aria-selected={false}>
          {first > 0 && <button onClick={() => setFirst(first - 200)}>before</button>}
          {first + rows.length < count && <button onClick={() => setFirst(first + 200)}>{count - first - rows.length} more</button>}
        </li>
      )}
    </ul>
  );
}

/** Expressions that are computed anew at every moment. */
function Watched() {
  const { shown, act } = usePage();
  const { watched: expressions } = shown;
  const set = act.watch;
  if (shown.isFile || shown.side) return null;
  return (
    <form
      class="watched"
      onSubmit={(event) => {
        event.preventDefault();
        const field = (event.currentTarget as HTMLFormElement).elements.namedItem("expression") as HTMLInputElement;
        if (field.value.trim()) set([...expressions, field.value.trim()]);
        field.value = "";
      }}
    >
      {expressions.map((text) => (
        <Expression key={text} text={text} remove={() => set(expressions.filter((one) => one !== text))} />
      ))}
      <input name="expression" aria-label="watch an expression" placeholder="watch an expression" />
    </form>
  );
}

function Expression({ text, remove }: { text: string; remove: () => void }) {
  const { shown } = usePage();
  const { seq } = shown.moment;
  const { frame } = shown.moment.shown;
  const found = useAnswer<{ kind: string; text: string }>(() => shown.ask("evaluate", { seq, frame, expression: text }), [seq, frame, text]);
  const answer = found.failure ? `${found.failure.code} ${found.failure.message}` : found.value && `${found.value.kind === "known" ? "" : `${found.value.kind}: `}${found.value.text}`;
  return (
    <p class={found.value?.kind === "known" ? "" : "doubt"}>
      <b>{text}</b> {printable(answer ?? "…")}{" "}
      <button type="button" aria-label={`no longer watch ${text}`} onClick={remove}>
        ×
      </button>
    </p>
  );
}
