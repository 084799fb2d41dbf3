// Every question of the engine as a form, and what it answered as a list that steps.

import { useMemo, useState } from "preact/hooks";
import { Failed } from "./Failed";
import { useAnswer, usePage } from "./store";
import { baseName, duringText, grouped, printable, shown as text } from "./text";
import type { Answer, Form } from "./types";

const FIRST_FIELDS = 3; // the others stand behind “more”

export function Questions() {
  const { shown, act } = usePage();
  const { asked, forms } = shown;
  const form = forms.find((one) => one.name === asked.question) ?? forms[0]!;
  const isThere = (seq: number | null) => seq !== null && seq >= shown.about.first && seq < shown.about.end;
  const rows = useMemo(
    () =>
      asked.answers?.rows.map((row, index) => (
        <li>
          {row["section"] && row["section"] !== asked.answers!.rows[index - 1]?.["section"] ? <h3>{printable(String(row["section"]))}</h3> : null}
          <button aria-current={index === asked.at ? "true" : undefined} disabled={!isThere(seqOf(row))} onClick={() => act.hit(index)}>
            <span class="seq">{seqOf(row) ?? ""}</span> <Told row={row} question={asked.question} />
          </button>
          <Reads row={row} />
        </li>
      )),
    [asked],
  );
  return (
    <div class="questions">
      <Fields key={form.name + JSON.stringify(asked.given)} form={form} given={asked.given} />
      {asked.failure && <Failed failure={asked.failure} />}
      {asked.answers && (
        <>
          <p class="found" role="status">
            {asked.answers.rows.length
              ? `${grouped(asked.answers.rows.length)}${asked.answers.more ? " and more" : ""} found${asked.at >= 0 ? `, at ${asked.at + 1}` : ""}; j and k step`
              : printable(asked.answers.nothing ?? "nothing")}
          </p>
          <ol class="list hits">
            {rows}
          </ol>
        </>
      )}
    </div>
  );
}

function Fields({ form, given }: { form: Form; given: Record<string, string> }) {
  const { shown, act } = usePage();
  const fields = form.fields.map((field) => (
    <label class={field.kind}>
      <span>{field.label}{field.needed && " *"}</span>
      {field.kind === "flag" ? (
        <input type="checkbox" name={field.name} value="1" checked={given[field.name] === "1"} />
      ) : (
        <Completed name={field.name} value={given[field.name] ?? ""} />
      )}
    </label>
  ));
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        const entered = [...new FormData(event.currentTarget as HTMLFormElement)];
        act.question(form.name, Object.fromEntries(entered.map(([name, value]) => [name, String(value)]).filter(([, value]) => value)));
      }}
    >
      <label>
        <span>question</span>
        <select value={form.name} onChange={(event) => act.fill(event.currentTarget.value, {})} disabled={shown.isFile}>
          {shown.forms.map((one) => (
            <option value={one.name}>{one.name}: {one.what}</option>
          ))}
        </select>
      </label>
      {fields.slice(0, FIRST_FIELDS)}
      {fields.length > FIRST_FIELDS && (
        <details open={form.fields.slice(FIRST_FIELDS).some((field) => given[field.name])}>
          <summary>more</summary>
          {fields.slice(FIRST_FIELDS)}
        </details>
      )}
      <button disabled={shown.isFile && form.fields.some((field) => field.needed)}>ask</button>
    </form>
  );
}

/** A field that offers what the trace knows by that name. */
function Completed({ name, value }: { name: string; value: string }) {
  const { shown } = usePage();
  const [typed, type] = useState<string | null>(null);
  const found = useAnswer<{ words: string[] }>(() => (typed === null || shown.isFile ? null : shown.ask("words", { field: name, text: typed })), [shown.ask, name, typed]);
  return (
    <>
      <input
        name={name}
        value={typed ?? value}
        list={`words-${name}`}
        autocomplete="off"
        spellcheck={false}
        onFocus={(event) => type(event.currentTarget.value)}
        onInput={(event) => type(event.currentTarget.value)}
      />
      <datalist id={`words-${name}`}>
        {found.value?.words.map((word) => (
          <option value={word} />
        ))}
      </datalist>
    </>
  );
}

export function seqOf(row: Answer): number | null {
  const failed = row["failed"] as Answer | null | undefined;
  return row.seq ?? failed?.seq ?? null;
}

/** What a line read whose value came of several: each leads further back. */
function Reads({ row }: { row: Answer }) {
  const { shown, act } = usePage();
  const at = row["reads_at"];
  if (typeof at !== "number") return null;
  const written = (row["shown"] ?? {}) as Record<string, string>;
  return (
    <p class="reads">
      it read{" "}
      {(row["reads"] as { expression: string; value: unknown }[]).map(({ expression, value }) => (
        <button disabled={shown.isFile} onClick={() => act.question("why", { name: expression, at: String(at) })}>
          {printable(expression)} = {printable(written[`reads.${expression}`] ?? text(value))}
        </button>
      ))}
    </p>
  );
}

/** A row as a sentence: what is particular to the question comes before where it was. */
function Told({ row, question }: { row: Answer; question: string }) {
  const get = (name: string) => row[name] as never;
  const where = row["file"] ? `${baseName(get("file"))}:${get("line")}` : "";
  const place = `${row["title"] ?? row["function"] ?? ""} ${where}`;
  // As Python would write it, where the answer has it so.
  const written = (row["shown"] ?? {}) as Record<string, string>;
  const value = (name: string, most?: number) => (name in written ? printable(written[name]!) : text(row[name], most));
  let said = "";
  if (question === "watch") said = row["old"] === null ? value("new") : `${value("old")} → ${value("new")}`;
  else if (question === "why") said = `${get("name")} = ${value("value")} ${get("how")} ${row["expression"] ?? ""} ${typeof row["reads_at"] === "number" ? "" : row["end"] ?? ""}`;
  else if (question === "history") said = row["not_observed_after"] ? "not observed any more" : `${get("name")} = ${row["unbound"] ? "(unbound)" : value("value")}`;
  else if (question === "check") said = row["failed"] ? "false here" : `never false: true at ${get("held")}, unknown at ${get("unknown")}`;
  else if (question === "exceptions") said = `${value("value")} ${row["escaped"] ? "not handled" : row["handled"] ? "handled" : ""}`;
  else if (question === "grep") said = `${get("what")} ${get("name")}${row["path"] ?? ""} = ${value("value")}`;
  else if (question === "same") said = `${get("path")}${row["sure"] ? "" : " (may be another object)"}`;
  else if (question === "origin") said = `${get("how")} ${row["path"] ?? ""} = ${value("value", 80)}`;
  else if (question === "logs") said = `${row["levelname"] || row["kind"]} ${row["name"] ?? ""}: ${String(row["text"])}`;
  else if (question === "output") said = `${get("stream")}: ${String(row["text"]).trimEnd()}`;
  else if (question === "calls") said = `(${argumentsOf(row, written)}) ${"returned" in row ? `→ ${value("returned")}` : "raised" in row ? `! ${value("raised")}` : ""}`;
  else if (question === "explain") said = get("text");
  else if (row["log"]) said = String(row["log"]);
  else if (row["values"]) said = Object.entries(row["values"] as object).map(([name, one]) => `${name} = ${text(one, 40)}`).join(", ");
  else if ("total_ns" in row) said = `${get("calls")} calls`;
  if ((question === "logs" || question === "output") && row["during"]) said += ` [${duringText(get("during"))}]`;
  return (
    <>
      {row["unknown"] && question === "find" ? <em class="doubt">may be: {printable(get("unknown"))} </em> : null}
      <span>{printable(said)}</span> <small>{printable(place)}</small>
    </>
  );
}

function argumentsOf(row: Answer, written: Record<string, string>): string {
  return Object.entries((row["arguments"] ?? {}) as object).map(([name, value]) => `${name}=${written[`arguments.${name}`] ?? text(value, 30)}`).join(", ");
}
