/** Above each function how often it was called in the recording. */

import * as vscode from "vscode";
import { active, ask } from "./debugging";

interface Called {
  name: string;
  line: number;
  calls: number;
  raised: number;
}

export class Counts implements vscode.CodeLensProvider {
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChangeCodeLenses = this.changed.event;

  private complete = false;

  /** For another session, or since what was not known may be by now. */
  refresh(isOther: boolean): void {
    if (isOther) this.complete = false;
    if (!this.complete) this.changed.fire();
  }

  async provideCodeLenses(document: vscode.TextDocument): Promise<vscode.CodeLens[]> {
    if (active() === undefined || !vscode.workspace.getConfiguration("recorder", document).get<boolean>("codeLens", true)) return [];
    const answer = await ask<{ functions: Called[]; complete: boolean }>("recorder.counts", { source: { path: document.uri.fsPath } });
    this.complete = answer?.complete ?? false;
    return (answer?.functions ?? [])
      .filter(({ line }) => line <= document.lineCount)
      .map((one) => new vscode.CodeLens(new vscode.Range(one.line - 1, 0, one.line - 1, 0), { title: title(one), command: "" }));
  }
}

function title({ calls, raised }: Called): string {
  const said = calls === 1 ? "called once" : `called ${calls.toLocaleString("en")} times`;
  return raised > 0 ? `${said}, ${raised.toLocaleString("en")} of them failed` : said;
}
