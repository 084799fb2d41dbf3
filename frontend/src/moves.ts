// Moves: of those that are asked for the last one counts. And two traces, of which a move in one moves the other.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { recall, recallNumber } from "./address";
import type { Ask, Params } from "./api";
import { keyOf } from "./api";
import type { Beside, Shown } from "./store";
import { asFailure } from "./store";
import type { Aligned, Moved } from "./types";

const LONG = 500; // ms after which it is said that a move goes on
const QUICK = 100; // ms: the next move of a kind that takes longer is not made before it is wanted
const PATIENCE = 500; // ms after which a move is given up that nobody wants yet
const REPEATED = ["step", "next", "out"];

export interface LastMove {
  /** Null: it is what is waited for already, as when a key is held. */
  begin(what: string): AbortController | null;
  /** Does what it led to, unless another one counts by now. */
  ended(mine: AbortController, then: () => void): void;
  /** Whether there was one to give up. */
  giveUp(): boolean;
}

/** A move that leads through much of a trace is given up for the next one: the server ends it. And whether one is under
 * way. */
export function useLastMove(say: (text: string) => void): [LastMove, boolean] {
  const [isMoving, setMoving] = useState(false);
  const last = useMemo(() => {
    let moving: AbortController | null = null;
    let sought = "";
    const giveUp = () => {
      const was = moving;
      was?.abort();
      moving = null;
      setMoving(false);
      return was !== null;
    };
    const begin = (what: string) => {
      if (moving && sought === what) return null;
      giveUp();
      sought = what;
      setMoving(true);
      const mine = (moving = new AbortController());
      setTimeout(() => moving === mine && say("… Esc, or another move, ends it"), LONG);
      return mine;
    };
    const ended = (mine: AbortController, then: () => void) => {
      if (moving !== mine) return;
      moving = null;
      setMoving(false);
      say("");
      then();
    };
    return { begin, ended, giveUp };
  }, []);
  return [last, isMoving];
}

/** The moves of a trace, each with what is shown of where it leads. While somebody looks at a moment, the next move is made
 * that is likely to be wanted: one as the last one was, if that was quick. */
export function useMoves(ask: Ask, isFile: boolean) {
  return useMemo(() => {
    let likely: Params | null = { how: "step" };
    let ahead: { key: string; asked: AbortController; since: number; giveUp: number } | null = null; // null: it is there
    const make = async (given: Params, signal: AbortSignal) => {
      const there = await ask<Moved>("move", isFile ? given : { ...given, show: 1 }, signal);
      if (there.shown) {
        const { moment, inline } = there.shown;
        ask.know("moment", { seq: there.seq }, moment);
        ask.know("inline", { seq: there.seq, frame: moment.shown.frame }, inline);
      }
      return there;
    };
    /** What is made ahead and is not there soon does not keep waiting what is wanted. */
    const makeRoom = () => {
      const made = ahead;
      if (made) setTimeout(() => ahead === made && made.asked.abort(), Math.max(made.since + QUICK - performance.now(), 0));
    };
    const move = async (given: Params, signal: AbortSignal) => {
      const made = ahead;
      if (made && made.key === keyOf("move", given)) {
        clearTimeout(made.giveUp); // it is not for itself any more
        ahead = null;
        signal.addEventListener("abort", () => made.asked.abort());
      } else makeRoom();
      const begin = performance.now();
      const there = await make(given, signal);
      const { how, back } = given;
      if (!REPEATED.includes(how as string)) likely = { how: "step" };
      else likely = performance.now() - begin < QUICK ? { how: how!, ...(back ? { back } : {}) } : null;
      return there;
    };
    const lookAhead = (seq: number) => {
      if (isFile || !likely) return;
      const given = { seq, ...likely };
      const asked = new AbortController();
      const giveUp = setTimeout(() => {
        likely = null; // until another one was made
        asked.abort();
      }, PATIENCE);
      const mine = (ahead = { key: keyOf("move", given), asked, since: performance.now(), giveUp });
      const done = () => {
        clearTimeout(giveUp);
        if (ahead === mine) ahead = null;
      };
      make(given, asked.signal).then(done, done);
    };
    return { move, lookAhead, makeRoom };
  }, [ask]);
}

export interface Together extends Pick<Shown, "beside" | "isAligned"> {
  set(where: Beside | null): void;
  align(on: boolean): void;
  both(trace: number, a: number, b: number): void;
  show(trace: number): void;
  move(how: string, back?: boolean): void;
  meet(): void;
}

interface Here {
  ask: Ask;
  askOther: Shown["askOther"];
  others: Shown["others"];
  /** The number of this trace, and its moment. */
  trace: number;
  seq: number | null;
  go: (seq: number) => void;
  last: LastMove;
  say: (text: string) => void;
}

function besideThere(others: Shown["others"]): Beside | null {
  const [number, seq, ...rest] = (recall("beside") ?? "").split(":").map(Number);
  if (!Number.isInteger(number) || !Number.isInteger(seq) || rest.length) return null;
  return others.some((one) => one.number === number) ? { number: number!, seq: seq! } : null;
}

/** Another trace beside this one, A, which has the name B. */
export function useTogether({ ask, askOther, others, trace, seq, go, last, say }: Here): Together {
  const [beside, set] = useState(() => besideThere(others));
  const [isAligned, align] = useState(() => recall("apart") === null);
  const asking = useRef<AbortController | null>(null);
  // The moment of this trace that the other one stands for; what the address says of both is taken as it is.
  const followed = useRef<number | null>(beside && recallNumber("at"));

  /** Where B stands for a moment of A. */
  const follow = (number: number, at: number, otherwise: number | null) => {
    followed.current = at;
    asking.current?.abort();
    const mine = (asking.current = new AbortController());
    ask<Aligned>("aligned", { other: number, seq: at }, mine.signal).then(
      (found) => {
        if (mine.signal.aborted) return;
        const there = found.there ?? otherwise;
        if (there === null) say("nothing of the other trace stands for this thread");
        else set({ number, seq: there, found });
      },
      (reason) => mine.signal.aborted || say(asFailure(reason).message),
    );
  };
  /** What two moments that were chosen have to do with each other. */
  const compare = (number: number, here: number, there: number) => {
    askOther(number)<Aligned>("aligned", { other: trace, seq: there }).then(
      (found) => set((now) => now && { ...now, found: found.twin === null || found.twin === here ? turned(found, there) : null }),
      () => null,
    );
  };
  useEffect(() => {
    if (!beside || !isAligned || seq === null) return;
    if (followed.current !== seq) follow(beside.number, seq, beside.seq);
    else if (beside.found === undefined) compare(beside.number, seq, beside.seq);
  }, [beside?.number, seq, isAligned]);

  const both = (number: number, a: number, b: number) => {
    followed.current = a;
    set({ number, seq: b });
    if (a === seq) compare(number, a, b);
    go(a);
  };
  const move = (how: string, back = false) => {
    if (!beside) return;
    const { number, seq: from } = beside;
    const mine = last.begin(`B ${how} ${back} ${from}`);
    if (!mine) return;
    const other = askOther(number);
    const step = async () => {
      const there = await other<{ seq: number; moved: boolean }>("move", { seq: from, how, ...(back ? { back: 1 } : {}) }, mine.signal);
      if (!there.moved) return () => say(`nothing there; B is still at event ${from}`);
      if (!isAligned) return () => set({ number, seq: there.seq, found: null });
      const found = await other<Aligned>("aligned", { other: trace, seq: there.seq }, mine.signal);
      return () => {
        set({ number, seq: there.seq, found: turned(found, there.seq) });
        if (found.there === null || found.there === seq) return;
        followed.current = found.there;
        go(found.there);
      };
    };
    step().then(
      (then) => last.ended(mine, then),
      (reason) => last.ended(mine, () => say(asFailure(reason).message)),
    );
  };
  const meet = () => {
    const where = beside?.found?.meet;
    if (beside && where) both(beside.number, ...where);
    else say("the two do not part here");
  };
  return { beside, isAligned, set, align, both, show: (number) => seq !== null && follow(number, seq, null), move, meet };
}

/** The same, as A has it of B. */
function turned(found: Aligned, there: number): Aligned {
  const swap = <T,>([a, b]: [T, T]): [T, T] => [b, a];
  return { ...found, twin: found.twin === null ? null : there, there, parted: swap(found.parted), meet: found.meet && swap(found.meet) };
}
