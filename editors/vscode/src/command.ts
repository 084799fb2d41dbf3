/** How the recorder is started. */

export interface Command {
  file: string;
  args: string[];
}

/** `own`: the setting recorder.command; empty: the recorder of an interpreter. */
export function recorderCommand(own: readonly string[], python: string, ...args: string[]): Command {
  const [file, ...more] = own.length > 0 ? own : [python, "-m", "recorder"];
  return { file: file as string, args: [...more, ...args] };
}
