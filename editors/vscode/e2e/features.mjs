// What is the extension's own, in a real editor: tests, traces, the timeline, steps back in and out, jumps, several sessions,
// and files that are elsewhere.
//
//   node e2e/features.mjs CODE_SERVER VSIX,TESTING_VSIX PYTHON [FOLDER]
//
// As drive.mjs. TESTING_VSIX is what `npx @vscode/vsce package` makes of e2e/testing. PYTHON has pytest as well.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { renameSync } from "node:fs";
import { join } from "node:path";
import { button, command, drive, folder, line, open, page, picture, python, stands } from "./editor.mjs";

const SHOP = `def price_of(name):
    prices = {"tea": 3, "cup": 5}
    return prices[name]


def total(names):
    t = 0
    for name in names:
        t += price_of(name)
        print(name, t)
    return t


if __name__ == "__main__":
    total(["tea", "cup"])
`;
const TESTS = `from shop import total


def test_nothing():
    assert total([]) == 0


def test_two():
    bought = ["tea", "cup"]
    assert total(bought) == 8
`;
const TASKS = `import asyncio


async def fetch(name):
    await asyncio.sleep(0)
    size = len(name)
    await asyncio.sleep(0)
    return size


async def main():
    print(await asyncio.gather(*(asyncio.create_task(fetch(n), name=n) for n in ("tea", "cup"))))


asyncio.run(main())
`;
const SERVER = `import time


def serve():
    n = 0
    while True:
        n += 1
        print("round", n, flush=True)
        time.sleep(0.2)


serve()
`;
const FORKS = `import os


def child(n):
    return n + 1


pid = os.fork()
if not pid:
    child(1)
    os._exit(0)
os.waitpid(pid, 0)
`;
const LAUNCH = {
  version: "0.2.0",
  configurations: [
    { type: "recorder", request: "launch", name: "Record", program: "${file}" },
    { type: "recorder", request: "launch", name: "Processes", program: "${file}", recorderArgs: ["--follow-children"] },
    { type: "recorder", request: "attach", name: "Moved", trace: "${workspaceFolder}/far.rtrace", pathMappings: [{ localRoot: "${workspaceFolder}/here", remoteRoot: "${workspaceFolder}/far" }] },
    { type: "recorder", request: "attach", name: "Missing", trace: "${workspaceFolder}/far.rtrace" },
  ],
};
const FILES = { "shop.py": SHOP, "test_shop.py": TESTS, "tasks.py": TASKS, "server.py": SERVER, "forks.py": FORKS, "far/there.py": SHOP, "here/there.py": SHOP, ".vscode/launch.json": JSON.stringify(LAUNCH) };
const text = (wanted) => page.locator(".view-lines", { hasText: wanted }).first().waitFor();
const row = (where, wanted) => page.locator(`${where} .monaco-list-row`, { hasText: wanted }).first();

/** One session, or one after the other. */
async function stop(sessions = 1) {
  for (; sessions > 1; sessions--) {
    await page.keyboard.press("Shift+F5");
    await page.locator(".debug-call-stack .session").nth(sessions - 1).waitFor({ state: "hidden" });
  }
  await page.keyboard.press("Shift+F5");
  await page.locator(".debug-toolbar").waitFor({ state: "hidden" });
  assert.equal(await page.locator(".notification-list-item .codicon-error").count(), 0);
}

async function start(name) {
  await page.keyboard.press("Control+Shift+D");
  await page.locator(".start-debug-action-item select").selectOption({ label: name });
  await page.locator(".start-debug-action-item .codicon-debug-start").click(); // F5 would go on with another session
}

function prepare() {
  const record = (trace, program) => execFileSync(python, ["-m", "recorder", "run", "-o", trace, program], { cwd: folder });
  record("far.rtrace", "far/there.py");
  record("shop.rtrace", "shop.py");
  renameSync(join(folder, "far"), join(folder, "gone"));
}

async function all() {
  const scenes = { tests, view, trace, backInAndOut, jump, output, tasks, moved, missing, several, server, processes, timeline };
  for (const name of process.env.SCENES?.split(",") ?? Object.keys(scenes)) {
    await scenes[name]();
    await picture(name);
    console.log(name);
    await stop(await page.locator(".debug-call-stack .session").count());
  }
}

async function tests() {
  await open("test_shop.py");
  await line(9);
  await command("Recorder: Record and Debug This Test");
  await stands("test_two", 9);
}

async function view() {
  await command("Testing: Focus on Test Explorer View");
  const test = row(".test-explorer", "test_nothing");
  await test.waitFor();
  await test.hover();
  await test.locator("[aria-label*='Record and Debug']").first().click();
  await stands("test_nothing", 5);
}

async function trace() {
  const entry = page.locator(".monaco-menu .action-label", { hasText: "Open Trace" }).first();
  for (let tries = 0; ; tries++) {
    if (await page.locator(".debug-toolbar").isVisible()) break; // it took long
    try {
      await page.keyboard.press("Control+Shift+E");
      await row(".explorer-folders-view", "shop.rtrace").click({ button: "right", timeout: 10_000 });
      await entry.click({ timeout: 5_000 });
      await page.locator(".debug-toolbar").waitFor({ timeout: 10_000 });
      break;
    } catch (error) {
      if (tries > 12) throw error;
      await page.keyboard.press("Escape"); // the extension may still be starting
    }
  }
  await stands("module __main__", 1);
}

async function backInAndOut() {
  await trace();
  await open("shop.py");
  await line(10);
  await command("Debug: Toggle Breakpoint");
  await button("continue").click();
  await stands("total", 10);
  await command("Recorder: Step Back Into");
  await stands("price_of", 3);
  await command("Recorder: Step Back Out");
  await stands("total", 9);
}

async function jump() {
  await trace();
  await open("shop.py");
  await line(3);
  await command("Debug: Jump to Cursor");
  await page.locator(".quick-input-list .monaco-list-row", { hasText: "in price_of" }).nth(1).click();
  await stands("price_of", 3);
  await text("name = 'cup'");
}

async function output() {
  await jump();
  await command("Recorder: Show Output at This Moment");
  await text("tea 3");
}

async function tasks() {
  await open("tasks.py");
  await line(6);
  await command("Debug: Toggle Breakpoint");
  await start("Record");
  await stands("module __main__", 1);
  await button("continue").click();
  await row(".debug-call-stack", "tea (task, runs)").waitFor();
  await row(".debug-call-stack", "cup (task, waits)").waitFor();
}

async function moved() {
  await start("Moved");
  await stands("module __main__", 1);
  await page.locator(".breadcrumbs-control", { hasText: "here" }).waitFor(); // the file of this machine, and not the trace's
}

async function missing() {
  await start("Missing");
  await stands("module __main__", 1);
  await text("prices = {");
}

async function several() {
  await trace();
  await start("Moved");
  await row(".debug-call-stack", /shop.rtrace.*paused/i).waitFor();
  await row(".debug-call-stack", /Moved.*paused/i).waitFor();
}

async function server() {
  await open("server.py");
  await start("Record");
  const progress = page.locator(".notification-list-item", { hasText: "Recording server.py: 3 s" }).first();
  await progress.waitFor();
  await picture("server-runs");
  await page.keyboard.press("Shift+F5"); // it ends the program, and then there is something to look at
  await stands("module __main__", 1);
}

async function processes() {
  await open("forks.py");
  await start("Processes");
  await row(".debug-call-stack", /Processes.*paused/i).waitFor();
  await row(".debug-call-stack", /forks\.\d+\.rtrace.*paused/i).waitFor();
  await picture("processes-both");
}

async function timeline() {
  await trace();
  const [opened] = await Promise.all([page.context().waitForEvent("page"), command("Recorder: Show Timeline in the Browser")]);
  await opened.waitForLoadState();
  await opened.getByText("price_of").first().waitFor();
  assert.match(opened.url(), /\/proxy\/\d+\/[\w-]+\/#at=/);
  if (process.argv[5]) await opened.screenshot({ path: join(process.argv[5], "timeline-page.png") });
  await opened.goto(opened.url().replace("/proxy/", "/absproxy/")); // the path is not taken away there
  await opened.getByText("price_of").first().waitFor();
}

await drive(FILES, all, prepare);
