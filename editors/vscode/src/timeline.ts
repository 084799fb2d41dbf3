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

/** On this machine, wherever the server is. */
async function open(address: string): Promise<void> {
  await vscode.env.openExternal(await vscode.env.asExternalUri(vscode.Uri.parse(address)));
}

export function endAll(): void {
  for (const server of running) server.kill("SIGINT");
}
