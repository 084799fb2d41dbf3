// The words of a Python text, to be coloured: what is between them is left as it is.

export type Piece = [kind: "" | "word" | "text" | "note" | "number" | "name", text: string];

const WORDS =
  "False None True and as assert async await break case class continue def del elif else except finally for from global if import in is lambda match nonlocal not or pass raise return try while with yield";
const TOKEN = new RegExp(
  [
    /(?<note>#[^\n]*)/.source,
    /(?<text>\b[rbfuRBFU]{0,2}(?:"""[\s\S]*?(?:"""|$)|'''[\s\S]*?(?:'''|$)|"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?)|(?:"""[\s\S]*?(?:"""|$)|'''[\s\S]*?(?:'''|$)|"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?))/
      .source,
    `(?<word>\\b(?:${WORDS.split(" ").join("|")})\\b)`,
    /(?<number>\b\d[\w.]*)/.source,
    /(?<name>(?<=\b(?:def|class) )\w+)/.source,
  ].join("|"),
  "g",
);

/** The lines of a text, each in pieces. */
export function lines(text: string[]): Piece[][] {
  const whole = text.join("\n");
  const found: Piece[][] = [[]];
  const add = (kind: Piece[0], piece: string) =>
    piece.split("\n").forEach((line, number) => {
      if (number) found.push([]);
      if (line) found.at(-1)!.push([kind, line]);
    });
  let at = 0;
  for (const match of whole.matchAll(TOKEN)) {
    add("", whole.slice(at, match.index));
    const kind = Object.entries(match.groups!).find(([, piece]) => piece !== undefined)![0] as Piece[0];
    add(kind, match[0]);
    at = match.index + match[0].length;
  }
  add("", whole.slice(at));
  return found;
}
