import type { Failure } from "./api";
import { printable } from "./text";

/** An error of the engine, as such: with its code. */
export function Failed({ failure }: { failure: Failure }) {
  return (
    <p class="failed" role="status">
      {failure.code && <code>{failure.code}</code>} {printable(failure.message)}
      {failure.hint && <small> {printable(failure.hint)}</small>}
    </p>
  );
}
