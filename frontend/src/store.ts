// What is shown, as a function of the address: a moment, a frame of it, and the questions that were asked.

import { createContext } from "preact";
import { useContext, useLayoutEffect, useState } from "preact/hooks";
import type { Ask } from "./api";
import { Failure } from "./api";
import type { About, Aligned, Answers, Form, Moment } from "./types";

export type Panel = "output" | "calls" | "questions" | "differences";

/** A moment of another trace, looked at beside this one's. */
export interface Beside {
  number: number;
  seq: number;
  frame?: number;
  /** What it has to do with this trace's moment, as soon as that is known: A is this trace. */
  found?: Aligned | null;
}

export interface Shown {
  ask: Ask;
  about: About;
  forms: Form[];
  isFile: boolean;
  moment: Moment;
  breakpoints: string[];
  /** The last question, and which of its rows is the present one. */
  asked: { question: string; given: Record<string, string>; answers: Answers | null; failure: Failure | null; at: number };
  panel: Panel;
  /** The name of the variable that v and V are about. */
  chosen: string;
  /** Expressions that are computed anew at every moment. */
  watched: string[];
  /** The other traces that are shown, and the one of them that is looked at. */
  others: { number: number; path: string }[];
  askOther: (trace: number) => Ask;
  beside: Beside | null;
  /** Whether a step in one of the two moves the other one to where it is the same. */
  isAligned: boolean;
  /** Before the names of what is shown twice: empty, or `B: `. */
  side: string;
}

export interface Actions {
  go(seq: number): void;
  frame(number: number): void;
  move(how: string, back?: boolean, to?: string): void;
  question(name: string, given: Record<string, string>): void;
  hit(number: number): void;
  fill(name: string, given: Record<string, string>): void;
  /** Sets one, or removes it. `further`: `if EXPR` or `hits N`; null: it is still to be said. */
  breakpoint(place: string, further?: string | null): void;
  beside(where: Beside | null): void;
  /** Shows these moments of this trace and of another one. */
  both(trace: number, a: number, b: number): void;
  /** Shows another trace where it stands for this moment. */
  together(trace: number): void;
  moveBeside(how: string, back?: boolean): void;
  align(on: boolean): void;
  /** To where the two are the same again. */
  meet(): void;
  open(panel: Panel): void;
  choose(name: string): void;
  watch(expressions: string[]): void;
  say(text: string): void;
}

export const Page = createContext<{ shown: Shown; act: Actions }>(null!);

export const usePage = () => useContext(Page);

export interface Loaded<T> {
  value: T | null;
  failure: Failure | null;
}

/** An answer as soon as it is there; that of the question before stays until then, unless `fresh`. It is asked before
 * anything is drawn: a step would wait for a frame otherwise. */
export function useAnswer<T>(ask: (signal: AbortSignal) => Promise<T> | null, on: unknown[], fresh = false): Loaded<T> {
  const [loaded, set] = useState<Loaded<T>>({ value: null, failure: null });
  useLayoutEffect(() => {
    const asked = new AbortController();
    const wanted = () => !asked.signal.aborted;
    if (fresh) set({ value: null, failure: null });
    ask(asked.signal)?.then(
      (value) => wanted() && set({ value, failure: null }),
      (failure) => wanted() && set({ value: null, failure: asFailure(failure) }),
    );
    return () => asked.abort();
  }, on);
  return loaded;
}

export function asFailure(reason: unknown): Failure {
  return reason instanceof Failure ? reason : new Failure("", String(reason));
}
