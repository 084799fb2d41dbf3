// The answers of the server, as recorder/view/answers.schema.json describes them.

export interface Row {
  name: string;
  text: string;
  type: string;
  path: string | null;
  children: number;
  /** Whether it may be a table, too. */
  table: boolean;
}

export interface Cell {
  text: string;
  path: string | null;
  /** What it was an event earlier, if that was something else. */
  old: string | null;
}

export interface Grid {
  title: string;
  columns: { text: string; cut: boolean }[];
  rows: { label: string; cut: boolean; cells: Cell[] }[];
}

export interface Variable extends Row {
  changed: boolean;
  /** What every module or class has, or what is defined or imported there. */
  definition: boolean;
}

export interface Frame {
  frame: number;
  title: string;
  file: string;
  line: number;
  first_line: number;
  depth: number;
  as_of: number | null;
  own: boolean;
  awaits: boolean;
  source: string | null;
}

export interface Change {
  name: string;
  old: string | null;
  new: string | null;
  function: string | null;
  file: string | null;
  line: number | null;
  during: { function: string; seq: number | null } | null;
}

export interface Moment {
  seq: number;
  thread: number;
  thread_name: string;
  task: string | null;
  file: string;
  line: number;
  frame: number;
  kind: string;
  title: string;
  elapsed_ns: number;
  lost_before: number | null;
  outcome: string | null;
  value: Row | null;
  changes: Change[];
  shown: Frame;
  stack: Frame[];
  threads: { thread: number; name: string; title: string; file: string; line: number }[];
  variables: Variable[];
  more_variables: number;
}

/** Where a move led, and what is shown of that. */
export interface Moved {
  seq: number;
  moved: boolean;
  shown?: { moment: Moment; inline: Inline } | null;
}

export interface About {
  path: string;
  command: string;
  events: number;
  first: number;
  end: number;
  begin_at: number | null;
  exit_status: number | null;
  duration_ns: number | null;
  python: string | null;
  notice: string | null;
}

export interface Checked {
  verdict: string;
  state: string;
  notice: string | null;
  gaps: [number, number][];
}

export interface Source {
  file: string;
  sha256: string | null;
  lines: string[];
  doubt: string | null;
  missing: string | null;
}

export interface Inline {
  lines: { line: number; seq: number; values: [string, string | null][] }[];
}

export interface Field {
  name: string;
  label: string;
  kind: "text" | "flag";
  needed: boolean;
}

export interface Form {
  name: string;
  what: string;
  fields: Field[];
}

/** What a command prints with --json: an object, of which `seq` is the moment. */
/** A function that is not recorded, which did something while a line waited for it. */
export interface Callee {
  function: string;
  file: string;
}

export type Answer = Record<string, unknown> & { seq?: number | null };

export interface Answers {
  question: string;
  rows: Answer[];
  more: boolean;
  nothing: string | null;
}

/** As `recorder diff --json` has them; null where that trace has no more events. */
export interface Side {
  seq: number;
  function: string;
  file: string;
  line: number;
}

export interface Difference {
  what: "flow" | "value";
  name: string | null;
  alignment: "exact" | "sure" | "likely";
  parts: { path: string; a: unknown; b: unknown }[];
  a: Side | null;
  b: Side | null;
}

export interface Differences {
  rows: Difference[];
  summary: { aligned: number; more: boolean };
}

/** The tasks that wait for the one that runs, each followed by those that wait for it. */
export interface Awaiting {
  task: string | null;
  rows: { task: string; level: number; awaits: string[]; frames: { title: string; file: string; line: number; own: boolean; seq: number | null }[] }[];
}

/** The event of another trace, B, that stands for one of this one, A. */
export interface Aligned {
  twin: number | null;
  /** Where B is then. */
  there: number | null;
  alignment: "exact" | "sure" | "likely";
  /** The first events of A and of B that nothing stands for. */
  parted: [number | null, number | null];
  /** Where the two are the same again. */
  meet: [number, number] | null;
}

/** depth, first column, the one behind the last, number of the title, number of the frame */
export type Bar = [number, number, number, number, number];

/** Over the events, or over time: then its numbers are ns. */
export interface Chart {
  start: number;
  stop: number;
  whole: [number, number];
  columns: (number | null)[];
  titles: string[];
  threads: { thread: number; name: string; task: string | null; bars: Bar[]; idle: [number, number][] }[];
}

export interface Ticks {
  exceptions: number[];
  output: number[];
  marks: number[];
  more: string[];
  /** Stretches with at least one, where there are too many events to look at each. */
  spans: Partial<Record<"exceptions" | "output", [number, number][]>>;
}
