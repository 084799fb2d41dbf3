/** Which interpreter has the recorder. */

import * as vscode from "vscode";
import { type Command, recorderCommand } from "./command";

/** What is used of the Python extension's API. */
interface PythonExtension {
  environments: {
    getActiveEnvironmentPath(resource?: vscode.Uri): { path: string };
    resolveEnvironment(path: { path: string }): Promise<{ executable: { uri?: vscode.Uri } } | undefined>;
  };
}

/** The setting, the interpreter that was chosen in the Python extension, or the first on the path. */
export async function interpreter(resource?: vscode.Uri): Promise<string> {
  const own = vscode.workspace.getConfiguration("recorder", resource ?? null).get<string>("python");
  if (own) return own;
  const extension = vscode.extensions.getExtension<PythonExtension>("ms-python.python");
  if (extension !== undefined) {
    const environments = (extension.isActive ? extension.exports : await extension.activate()).environments;
    const found = await environments.resolveEnvironment(environments.getActiveEnvironmentPath(resource));
    if (found?.executable.uri !== undefined) return found.executable.uri.fsPath;
  }
  return vscode.workspace.getConfiguration("python", resource ?? null).get<string>("defaultInterpreterPath") || "python";
}

export async function recorder(resource: vscode.Uri | undefined, ...args: string[]): Promise<Command> {
  const own = vscode.workspace.getConfiguration("recorder", resource ?? null).get<string[]>("command", []);
  return recorderCommand(own, await interpreter(resource), ...args);
}
