// A code-server with the extension, in a Chromium, and what a person does there.

import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { chromium } from "playwright-core";

const [codeServer, vsixes, interpreter, pictures] = process.argv.slice(2);
const home = mkdtempSync(join(tmpdir(), "recorder-drive-"));
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const PATIENCE = 60_000;
export const python = interpreter;
export const folder = join(home, "shop");

const SETTINGS = {
  "recorder.python": python,
  "debug.inlineValues": "on",
  "security.workspace.trust.enabled": false,
  "telemetry.telemetryLevel": "off",
  "workbench.startupEditor": "none",
  "workbench.tips.enabled": false,
};

mkdirSync(folder);
for (const part of ["User", "Machine"]) mkdirSync(join(home, "data", part), { recursive: true });
writeFileSync(join(home, "data/User/settings.json"), JSON.stringify(SETTINGS));
writeFileSync(join(home, "data/Machine/settings.json"), JSON.stringify({ "recorder.python": python }));
writeFileSync(join(home, "config.yaml"), "auth: none\ncert: false\n");
const places = ["--config", join(home, "config.yaml"), "--user-data-dir", join(home, "data"), "--extensions-dir", join(home, "extensions")];
for (const vsix of vsixes.split(",")) execFileSync("node", [codeServer, ...places, "--install-extension", vsix], { stdio: "inherit" });

const port = await freePort();
const server = spawn("node", [codeServer, ...places, "--disable-telemetry", "--disable-update-check", "--bind-addr", `127.0.0.1:${port}`], { stdio: "ignore" });
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });
export const page = await (await browser.newContext({ viewport: { width: 1500, height: 950 } })).newPage();
page.setDefaultTimeout(PATIENCE);

async function freePort() {
  const probe = createServer().listen(0, "127.0.0.1");
  await new Promise((done) => probe.once("listening", done));
  const { port } = probe.address();
  await new Promise((done) => probe.close(done));
  return port;
}

async function reach(address) {
  for (let tries = 0; ; tries++) {
    try {
      const answer = await page.goto(address);
      if (answer.ok()) return; // it listens before it knows its pages
      throw new Error(answer.statusText());
    } catch (error) {
      if (tries > 60) throw error;
      await new Promise((done) => setTimeout(done, 500));
    }
  }
}

export const picture = async (name) => pictures && (await page.screenshot({ path: join(pictures, `${name}.png`) }));
const inputs = ".quick-input-widget input";
let shown; // the text of the file that was opened last: there may be another one beside it

export async function open(name) {
  await page.keyboard.press("Control+Shift+E");
  const row = page.locator(".explorer-folders-view .monaco-list-row", { hasText: new RegExp(`^${name}$`) });
  for (let tries = 0; ; tries++) {
    try {
      await row.dblclick();
      await page.locator(".tab.active", { hasText: name }).waitFor({ timeout: PATIENCE / 12 });
      break;
    } catch (error) {
      if (tries > 6) throw error; // a file that has just come moves the rows
    }
  }
  const group = page.locator(".editor-group-container", { has: page.locator(".tab.active", { hasText: name }) });
  shown = group.locator(".view-lines").first();
  await shown.waitFor();
}

/** From the palette, as soon as it is there: what a command needs may still be starting. */
export async function command(title) {
  const row = page.locator(".quick-input-list .monaco-list-row.focused", { hasText: title });
  for (let tries = 0; ; tries++) {
    try {
      await page.keyboard.press("F1");
      await page.locator(inputs).first().fill(`>${title}`, { timeout: PATIENCE / 12 });
      await row.waitFor({ timeout: PATIENCE / 12 });
      break;
    } catch (error) {
      if (tries > 12) throw error;
      await page.keyboard.press("Escape");
    }
  }
  await page.keyboard.press("Enter");
  await page.waitForFunction(isTaken, inputs); // what the command asks may come in the same widget
}

/** Whether the palette is gone: nothing is asked, or something that is no command. */
function isTaken(inputs) {
  const input = document.querySelector(inputs);
  return !input?.offsetParent || !input.value.startsWith(">");
}

/** In the file that was opened last. What is asked for lines may come after its input. */
export async function line(number) {
  const row = page.locator(".quick-input-list .monaco-list-row", { hasText: new RegExp(`Go to line ${number}\\b`) });
  for (let tries = 0; ; tries++) {
    try {
      await shown.click();
      await page.keyboard.press("Control+G");
      await page.locator(inputs).first().fill(`:${number}`, { timeout: PATIENCE / 12 });
      await row.waitFor({ timeout: PATIENCE / 12 });
      break;
    } catch (error) {
      if (tries > 6) throw error;
      await page.keyboard.press("Escape");
    }
  }
  await page.keyboard.press("Enter");
  await page.locator(".quick-input-widget").waitFor({ state: "hidden" });
}

/** Waits until the frame on top is at that line. */
export async function stands(name, at) {
  await page.keyboard.press("Control+Shift+D");
  await page.locator(".debug-call-stack .monaco-list-row.selected, .debug-call-stack .stack-frame", { hasText: name }).filter({ hasText: `${at}:1` }).first().waitFor();
}

export const button = (icon) => page.locator(`.debug-toolbar .codicon-debug-${icon}`).first();

/** `files`, and what `prepare` makes, are there when the editor opens. What does not hold ends it with a status of 1. */
export async function drive(files, scene, prepare = () => undefined) {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  prepare();
  try {
    await reach(`http://127.0.0.1:${port}/?folder=${folder}`);
    await page.locator(".monaco-workbench .explorer-folders-view").waitFor();
    await scene();
    console.log("all of it holds");
  } catch (error) {
    await picture("failed");
    console.error(error);
    process.exitCode = 1;
  } finally {
    await browser.close();
    server.kill();
    rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  }
}
