// A frame, a series or an array as a table: cells lead to where they came from, and what has just changed is marked.

import { Failed } from "./Failed";
import { useAnswer, usePage } from "./store";
import { printable } from "./text";
import type { Cell, Grid } from "./types";

interface Props {
  part: (string | number)[];
  name: string;
  select: (path: string | null) => void;
  /** Shows it part by part: it is no table after all. */
  otherwise: () => void;
}

const STEPS: Record<string, [number, number]> = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

export function Table({ part, name, select, otherwise }: Props) {
  const { shown } = usePage();
  const { seq } = shown.moment;
  const { frame } = shown.moment.shown;
  const found = useAnswer<Grid>(() => shown.ask("table", { seq, frame, part: JSON.stringify(part) }), [shown.ask, seq, frame, JSON.stringify(part)]);
  if (found.failure) return <><Failed failure={found.failure} /><button class="more" onClick={otherwise}>part by part</button></>;
  if (!found.value) return <p class="empty">…</p>;
  const { title, columns, rows } = found.value;
  return (
    <div class="table" tabIndex={0} role="region" aria-label={`${shown.side}table ${printable(name)}: arrows move`} onKeyDown={move}>
      <table>
        <caption>{printable(title)}</caption>
        <thead>
          <tr>
            <td />
            {columns.map((column) => (
              <th scope="col" class={column.cut ? "cut" : ""} title={column.cut ? "more that are not shown" : ""}>{printable(column.text)}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr class={row.cut ? "cut" : ""}>
              <th scope="row" title={row.cut ? "more that are not shown" : ""}>{printable(row.label)}</th>
              {row.cells.map((cell) => (
                <Entry cell={cell} select={select} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Entry({ cell, select }: { cell: Cell; select: Props["select"] }) {
  const choose = () => cell.path !== null && select(cell.path);
  return (
    <td tabIndex={-1} class={cell.old === null ? "" : "changed"} title={cell.old === null ? "" : `was ${printable(cell.old)}`} onClick={choose} onFocus={choose}>
      {cell.old !== null && <><s>{printable(cell.old)}</s> → </>}
      {printable(cell.text)}
    </td>
  );
}

/** From cell to cell; Escape leads out of the table. */
function move(event: KeyboardEvent) {
  const box = event.currentTarget as HTMLElement;
  const step = STEPS[event.key];
  if (event.key === "Escape") box.closest<HTMLElement>("[role=treeitem]")?.focus();
  if (!step) return;
  const cell = (event.target as HTMLElement).closest("td");
  const rows = box.querySelectorAll("tbody tr");
  const row = cell ? [...rows].indexOf(cell.closest("tr")!) + step[0] : 0;
  const column = cell ? [...cell.parentElement!.querySelectorAll("td")].indexOf(cell) + step[1] : 0;
  rows[row]?.querySelectorAll<HTMLElement>("td")[column]?.focus();
  event.preventDefault();
  event.stopPropagation();
}
