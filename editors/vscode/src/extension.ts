/** What the editor has besides a server of the protocol: commands, values beside the lines, and counts. */

import { basename, dirname, join } from "node:path";
import * as vscode from "vscode";
import { Counts } from "./counts";
import { act, active, Configurations, Servers, Trouble } from "./debugging";
import { InlineValues } from "./inlineValues";
import { OutputNow, showOutput } from "./output";
import { testAt, testConfiguration } from "./tests";
import { endAll, showTimeline } from "./timeline";

const TYPE = "recorder";
const PYTHON = { language: "python" };

export function activate(context: vscode.ExtensionContext): void {
  const counts = new Counts();
  const output = new OutputNow();
  context.subscriptions.push(
    vscode.debug.registerDebugConfigurationProvider(TYPE, new Configurations()),
    vscode.debug.registerDebugAdapterDescriptorFactory(TYPE, new Servers()),
    vscode.debug.registerDebugAdapterTrackerFactory(TYPE, new Trouble()),
    vscode.languages.registerInlineValuesProvider(PYTHON, new InlineValues()),
    vscode.languages.registerCodeLensProvider(PYTHON, counts),
    vscode.workspace.registerTextDocumentContentProvider(OutputNow.scheme, output),
    vscode.debug.onDidChangeActiveDebugSession(() => counts.refresh(true)),
    vscode.debug.onDidChangeActiveDebugSession(() => output.refresh()),
    vscode.debug.onDidChangeActiveStackItem(() => output.refresh()),
    vscode.debug.onDidReceiveDebugSessionCustomEvent(({ event }) => event === "recorder.counted" && counts.refresh(false)),
    vscode.debug.onDidChangeActiveStackItem((item) => item?.session === active() && counts.refresh(false)),
    vscode.commands.registerCommand("recorder.openTrace", openTrace),
    vscode.commands.registerCommand("recorder.debugTest", debugTest),
    vscode.commands.registerCommand("recorder.timeline", showTimeline),
    vscode.commands.registerCommand("recorder.output", showOutput),
    ...["recorder.stepBackIn", "recorder.stepBackOut"].map((command) => vscode.commands.registerCommand(command, () => move(command))),
  );
}

export function deactivate(): void {
  endAll();
}

async function openTrace(given?: vscode.Uri): Promise<void> {
  const chosen = given ?? (await vscode.window.showOpenDialog({ filters: { Traces: ["rtrace"] }, openLabel: "Open Trace" }))?.[0];
  if (chosen === undefined) return;
  const folder = vscode.workspace.getWorkspaceFolder(chosen) ?? vscode.workspace.workspaceFolders?.[0];
  await vscode.debug.startDebugging(folder, { type: TYPE, request: "attach", name: basename(chosen.fsPath), trace: chosen.fsPath });
}

/** The test at the cursor, or the one that was chosen in the Testing view. */
async function debugTest(chosen?: vscode.TestItem): Promise<void> {
  const editor = vscode.window.activeTextEditor;
  const uri = chosen?.uri ?? editor?.document.uri;
  const line = chosen?.uri === undefined ? editor?.selection.active.line : chosen.range?.start.line;
  if (uri === undefined || line === undefined) return;
  const document = await vscode.workspace.openTextDocument(uri);
  const names = testAt(document.getText().split(/\r?\n/), line);
  if (names === undefined) {
    void vscode.window.showInformationMessage("There is no test at this line.");
    return;
  }
  await document.save();
  const folder = vscode.workspace.getWorkspaceFolder(uri);
  const cwd = folder?.uri.fsPath ?? dirname(uri.fsPath);
  const args = vscode.workspace.getConfiguration("recorder", uri).get<string[]>("pytestArgs", []);
  const output = join(".recordings", `${basename(uri.fsPath)}--${names.join("--")}.rtrace`);
  await vscode.workspace.fs.createDirectory(vscode.Uri.file(join(cwd, ".recordings")));
  await vscode.debug.startDebugging(folder, { ...testConfiguration(uri.fsPath, names, cwd, args, output) });
}

async function move(command: string): Promise<void> {
  await act(command, { threadId: thread() });
}

function thread(): number | undefined {
  const item = vscode.debug.activeStackItem;
  return item !== undefined && item.session === active() ? item.threadId : undefined;
}
