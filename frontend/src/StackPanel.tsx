// The frames of the present thread, and where the other threads are.

import { Failed } from "./Failed";
import { useAnswer, usePage } from "./store";
import { baseName, printable } from "./text";
import type { Awaiting } from "./types";

export function StackPanel() {
  const { shown, act } = usePage();
  const { moment } = shown;
  return (
    <section class="panel stack" aria-label="stack">
      <h2>
        stack <small>{printable(moment.thread_name || `thread ${moment.thread}`)}{moment.task && `, ${printable(moment.task)}`}</small>
      </h2>
      <div class="scroll" tabIndex={0} role="region" aria-label="frames">
        <ol class="list">
          {moment.stack.map((frame, index) => (
            <li>
              <button
                class={frame.own ? "" : "foreign"}
                aria-current={frame.frame === moment.shown.frame ? "true" : undefined}
                onClick={() => act.frame(frame.frame)}
              >
                <b>{printable(frame.title)}</b> <small>{printable(baseName(frame.file))}:{frame.line}</small>
                {frame.awaits && <em> awaits {printable(moment.stack[index - 1]?.title ?? "")}</em>}
              </button>
            </li>
          ))}
        </ol>
        {moment.task !== null && <AwaitedBy task={moment.task} />}
        {moment.threads.length > 1 && (
          <ol class="list threads" aria-label="threads">
            {moment.threads.map((one) => (
              <li>
                <button
                  aria-current={one.thread === moment.thread ? "true" : undefined}
                  onClick={() => act.move("thread", false, String(one.thread))}
                >
                  {printable(one.name || `thread ${one.thread}`)} <small>{printable(one.title)} {printable(baseName(one.file))}:{one.line}</small>
                </button>
              </li>
            ))}
          </ol>
        )}
      </div>
    </section>
  );
}

/** The tasks that wait for this one, up to the root. A frame leads to where it was suspended. */
function AwaitedBy({ task }: { task: string }) {
  const { shown, act } = usePage();
  const { seq } = shown.moment;
  const { first, end } = shown.about;
  const found = useAnswer<Awaiting>((signal) => shown.ask("awaiting", { seq }, signal), [shown.ask, seq]);
  if (found.failure) return <Failed failure={found.failure} />;
  if (found.value?.task !== task) return null; // of the task before
  return (
    <ol class="list waiting" aria-label="awaited by">
      {found.value.rows.map((one) => (
        <li style={{ "--level": one.level }}>
          <p>
            awaited by <b>{printable(one.task)}</b>
            {one.awaits.length > 1 && <small> with {one.awaits.length - 1} more</small>}
          </p>
          <ol>
            {one.frames.map((frame) => (
              <li>
                <button class={frame.own ? "" : "foreign"} disabled={frame.seq === null || frame.seq < first || frame.seq >= end} onClick={() => act.go(frame.seq!)}>
                  <b>{printable(frame.title)}</b> <small>{printable(baseName(frame.file))}:{frame.line}</small>
                </button>
              </li>
            ))}
          </ol>
        </li>
      ))}
    </ol>
  );
}
