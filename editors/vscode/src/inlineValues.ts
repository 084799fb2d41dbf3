/** Values beside the lines: of the names that the present call's lines speak of. */

import * as vscode from "vscode";
import { ask } from "./debugging";

interface Named {
  line: number;
  column: number;
  name: string;
  value: string;
}

export class InlineValues implements vscode.InlineValuesProvider {
  async provideInlineValues(document: vscode.TextDocument, viewport: vscode.Range, context: vscode.InlineValueContext): Promise<vscode.InlineValue[]> {
    if (!vscode.workspace.getConfiguration("recorder", document).get<boolean>("inlineValues", true)) return [];
    const last = Math.min(viewport.end.line, context.stoppedLocation.end.line);
    const asked = { frameId: context.frameId, line: viewport.start.line + 1, endLine: last + 1 };
    const answer = await ask<{ values: Named[] }>("recorder.inlineValues", asked);
    return (answer?.values ?? []).map(({ line, column, name, value }) => {
      const range = new vscode.Range(line - 1, column - 1, line - 1, column - 1 + name.length);
      return new vscode.InlineValueText(range, `${name} = ${value}`);
    });
  }
}
