/** The program's console as it was at the moment that is looked at: a document beside the editor. */

import * as vscode from "vscode";
import { active, ask } from "./debugging";

const SCHEME = "recorder-output";
const PLACE = vscode.Uri.parse(`${SCHEME}:/Output at this moment`);

interface Printed {
  stream: string;
  text: string;
}

export class OutputNow implements vscode.TextDocumentContentProvider {
  static readonly scheme = SCHEME;
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.changed.event;

  refresh(): void {
    this.changed.fire(PLACE);
  }

  async provideTextDocumentContent(): Promise<string> {
    if (active() === undefined) return "";
    const answer = await ask<{ output: Printed[]; complete: boolean }>("recorder.outputAt", {});
    if (answer === undefined) return "";
    return (answer.complete ? "" : "…\n") + answer.output.map(({ text }) => text).join("");
  }
}

export async function showOutput(): Promise<void> {
  if (active() === undefined) {
    void vscode.window.showInformationMessage("No recording is being stepped through.");
    return;
  }
  const document = await vscode.workspace.openTextDocument(PLACE);
  await vscode.window.showTextDocument(document, { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true, preview: false });
}
