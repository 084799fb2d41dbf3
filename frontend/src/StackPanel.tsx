// The frames of the present thread, and where the other threads are.

import { usePage } from "./store";
import { baseName, printable } from "./text";

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
