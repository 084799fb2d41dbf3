/** Debug sessions: how they are configured, and which server they talk to. */

import * as vscode from "vscode";
import { interpreter, recorder } from "./python";

export class Configurations implements vscode.DebugConfigurationProvider {
  provideDebugConfigurations(): vscode.DebugConfiguration[] {
    return [
      { type: "recorder", request: "launch", name: "Record this file", program: "${file}" },
      { type: "recorder", request: "attach", name: "Open a trace", trace: "${workspaceFolder}/app.rtrace" },
    ];
  }

  /** Without a launch.json it records the file that is shown. */
  resolveDebugConfiguration(_: vscode.WorkspaceFolder | undefined, given: vscode.DebugConfiguration): vscode.DebugConfiguration | undefined {
    if (given.request) return given;
    if (vscode.window.activeTextEditor?.document.languageId !== "python") {
      void vscode.window.showInformationMessage("There is no Python file to record.");
      return undefined;
    }
    return { type: "recorder", request: "launch", name: "Record this file", program: "${file}" };
  }

  async resolveDebugConfigurationWithSubstitutedVariables(folder: vscode.WorkspaceFolder | undefined, given: vscode.DebugConfiguration): Promise<vscode.DebugConfiguration> {
    if (given.request !== "launch") return given;
    const more: Partial<vscode.DebugConfiguration> = {};
    if (!given["python"]) more["python"] = await interpreter(folder?.uri);
    if (!given["cwd"] && folder !== undefined) more["cwd"] = folder.uri.fsPath;
    return { ...given, ...more };
  }
}

export class Servers implements vscode.DebugAdapterDescriptorFactory {
  async createDebugAdapterDescriptor(session: vscode.DebugSession): Promise<vscode.DebugAdapterDescriptor> {
    const { file, args } = await recorder(session.workspaceFolder?.uri, "dap");
    return new vscode.DebugAdapterExecutable(file, args);
  }
}

/** A server that does not start has no other way to say why. */
export class Trouble implements vscode.DebugAdapterTrackerFactory {
  createDebugAdapterTracker(session: vscode.DebugSession): vscode.DebugAdapterTracker {
    let isOver = false; // what is wrong with its pipes then is nobody's trouble
    return {
      onWillReceiveMessage: (message: { command?: string }) => {
        if (message.command === "disconnect") isOver = true;
      },
      onWillStopSession: () => {
        isOver = true;
      },
      onExit: (status) => {
        if (status && !isOver) void this.tell(session, `it ended with exit status ${status}`);
      },
      onError: (error) => {
        if (!isOver) void this.tell(session, error.message);
      },
    };
  }

  private async tell(session: vscode.DebugSession, why: string): Promise<void> {
    const { file, args } = await recorder(session.workspaceFolder?.uri, "dap");
    const settings = "Settings";
    const said = `${[file, ...args].join(" ")}: ${why}. Is recorder-core installed for this interpreter?`;
    if ((await vscode.window.showErrorMessage(said, settings)) === settings) {
      await vscode.commands.executeCommand("workbench.action.openSettings", "recorder.python");
    }
  }
}

/** The session over a trace that is looked at now. */
export function active(): vscode.DebugSession | undefined {
  const session = vscode.debug.activeDebugSession;
  return session?.type === "recorder" ? session : undefined;
}

/** Does something by its server for the user, who is told why it cannot be done. */
export async function act<Answer>(command: string, args: object): Promise<Answer | undefined> {
  const session = active();
  if (session === undefined) {
    void vscode.window.showInformationMessage("No recording is being stepped through.");
    return undefined;
  }
  try {
    return await session.customRequest(command, args);
  } catch (error) {
    void vscode.window.showErrorMessage(error instanceof Error ? error.message : String(error));
    return undefined;
  }
}

/** Asks its server. What cannot be answered, since nothing is open yet, say, is undefined. */
export async function ask<Answer>(command: string, args: object): Promise<Answer | undefined> {
  try {
    return await active()?.customRequest(command, args);
  } catch {
    return undefined;
  }
}
