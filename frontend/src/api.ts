// Where answers come from: the server, or the file that the page is in. No answer ever changes, so each is kept.

export type Params = Record<string, string | number | boolean>;

/** What the engine says cannot be answered, with the code of its table of errors. */
export class Failure extends Error {
  constructor(
    readonly code: string,
    detail: string,
    readonly hint = "",
  ) {
    super(detail);
  }
}

/** `signal` is for who may not want the answer any more: the server then ends the question. */
export interface Ask {
  <T>(name: string, params?: Params, signal?: AbortSignal): Promise<T>;
  /** What would be answered, as it came with something else. */
  know(name: string, params: Params, answer: unknown): void;
}

const KEPT = 500;

/** An answer's name in a file: the same text as recorder/export/html.py makes. */
export function keyOf(name: string, params: Params): string {
  const given = Object.entries(params).map(([key, value]) => [key, String(value)]);
  return JSON.stringify([name, ...given.sort((a, b) => (a[0]! < b[0]! ? -1 : 1)).flat()]);
}

function kept(ask: (name: string, params: Params, signal?: AbortSignal) => Promise<unknown>): Ask {
  const found = new Map<string, Promise<unknown>>();
  const keep = (key: string, answer: Promise<unknown>) => {
    found.set(key, answer);
    if (found.size > KEPT) found.delete(found.keys().next().value!);
  };
  const know = (name: string, params: Params, answer: unknown) => keep(keyOf(name, params), Promise.resolve(answer));
  const known = <T>(name: string, params: Params = {}, signal?: AbortSignal) => {
    const key = keyOf(name, params);
    let answer = found.get(key);
    if (answer === undefined) {
      const asked = (answer = ask(name, params, signal));
      const forget = () => found.get(key) === asked && found.delete(key);
      keep(key, asked);
      asked.catch(forget);
      signal?.addEventListener("abort", forget);
      asked.finally(() => signal?.removeEventListener("abort", forget)).catch(() => null);
    }
    return answer as Promise<T>;
  };
  return Object.assign(known, { know });
}

function unlessError(answer: unknown): unknown {
  const { error } = answer as { error?: { code: string; detail: string; hint: string } };
  if (error) throw new Failure(error.code, error.detail, error.hint);
  return answer;
}

async function told(reply: Response): Promise<unknown> {
  return unlessError(await reply.json());
}

export function fromServer(trace: number): Ask {
  return kept(async (name, params, signal) => {
    const given = new URLSearchParams(Object.entries(params).map(([key, value]) => [key, String(value)]));
    let reply: Response;
    try {
      reply = await fetch(`api/${trace}/${name}?${given}`, signal ? { signal } : {});
    } catch {
      if (signal?.aborted) throw new Failure("", "not asked to the end");
      throw new Failure("", "the server has ended", "Start `recorder view` again.");
    }
    if (reply.status !== 200 && reply.status !== 422) throw new Failure("", `the server says ${reply.status}`);
    return told(reply);
  });
}

/** `asked`: by what is asked the number of its answer. */
export function fromFile(asked: Record<string, number>, answers: unknown[]): Ask {
  return kept(async (name, params) => {
    const answer = answers[asked[keyOf(name, params)] ?? -1];
    if (answer === undefined)
      throw new Failure("", "this is not in the file", "It has a part of a trace: `recorder view` shows all of it.");
    return unlessError(answer);
  });
}

export interface Opened {
  traces: string[];
  ask: (trace: number) => Ask;
  isFile: boolean;
}

export async function open(): Promise<Opened> {
  const cut = document.getElementById("cut");
  if (cut) {
    const packed = Uint8Array.from(atob(cut.textContent!), (letter) => letter.charCodeAt(0));
    const text = new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip")));
    const held = (await text.json()) as { trace: string; asked: Record<string, number>; answers: unknown[] };
    const ask = fromFile(held.asked, held.answers);
    return { traces: [held.trace], ask: () => ask, isFile: true };
  }
  const { traces } = (await told(await fetch("api/traces"))) as { traces: string[] };
  new EventSource("api/alive"); // the server ends when no page is there any more
  const asks = traces.map((_, trace) => fromServer(trace)); // one each: what it was told is kept there
  return { traces, ask: (trace) => asks[trace]!, isFile: false };
}
