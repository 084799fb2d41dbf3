/** Which test a line is in, and how pytest is told to run it. */

const DEFINITION = /^(\s*)(?:async\s+)?(def|class)\s+(\w+)/;

/** The names of a test from the outermost class in; undefined where the line is in none. */
export function testAt(lines: readonly string[], line: number): string[] | undefined {
  const names: string[] = [];
  let limit = indentOf(lines, line);
  for (let at = line; at >= 0; at--) {
    const found = DEFINITION.exec(lines[at] ?? "");
    const indent = found?.[1]?.length ?? 0;
    if (found === null || (indent >= limit && at !== line)) continue;
    names.unshift(found[3] as string);
    limit = indent;
    if (indent === 0) break;
  }
  const first = names.findIndex((name) => name.startsWith("test"));
  return first < 0 || limit > 0 ? undefined : names.slice(0, first + 1);
}

/** Of a decorator the indent of what it decorates counts, and of an empty line that of the text above. */
function indentOf(lines: readonly string[], line: number): number {
  for (let at = line; at >= 0; at--) {
    const text = lines[at] ?? "";
    if (text.trim() !== "") return text.search(/\S/) + (at < line ? 1 : 0);
  }
  return 0;
}

/** A launch configuration that records one test, and begins where the test does. */
export function testConfiguration(file: string, names: readonly string[], cwd: string, args: readonly string[], output: string): Launch {
  return {
    type: "recorder",
    request: "launch",
    name: names.join("::"),
    module: "pytest",
    args: [...args, [file, ...names].join("::")],
    cwd,
    output,
    entry: names.join("."),
  };
}

export interface Launch {
  type: string;
  request: string;
  name: string;
  module: string;
  args: string[];
  cwd: string;
  output: string;
  entry: string;
}
