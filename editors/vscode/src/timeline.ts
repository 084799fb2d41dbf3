/** The timeline of `recorder view`, in the browser, at the moment at which the session is. */

import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import * as vscode from "vscode";
import { active, ask } from "./debugging";
import { recorder } from "./python";

const running = new Set<ChildProcess>();

export async function showTimeline(): Promise<void> {
  const where = await ask<{ seq: number; trace: string }>("recorder.position", {});
  if (where === undefined) {
    void vscode.window.showInformationMessage("No trace is open.");
    return;
  }
  const command = await recorder(active()?.workspaceFolder?.uri, "view", "--no-open", "--at", String(where.seq), where.trace);
  const server = spawn(command.file, command.args, { stdio: ["ignore", "pipe", "pipe"] });
  running.add(server);
  let said = "";
  server.stderr.on("data", (data: Buffer) => (said = (said + data.toString()).slice(-2000)));
  server.on("error", (error) => void vscode.window.showErrorMessage(`recorder view: ${error.message}`));
  server.on("exit", (status) => {
    running.delete(server);
    if (status) void vscode.window.showErrorMessage(`recorder view: ${said.trim() || `exit status ${status}`}`);
  });
  createInterface({ input: server.stdout }).once("line", (line) => void open(line));
}

/** On this machine, wherever the server is. An editor in a browser may answer with what leads to the port alone. */
async function open(address: string): Promise<void> {
  const there = vscode.Uri.parse(address);
  const here = await vscode.env.asExternalUri(there);
  const whole = here.path.endsWith(there.path) ? here : here.with({ path: here.path.replace(/\/$/, "") + there.path });
  await vscode.env.openExternal(whole.with({ fragment: there.fragment }));
}

export function endAll(): void {
  for (const server of running) server.kill("SIGINT");
}
