// Measures the page on a large trace: what is waited for, what it costs in processor time, and memory.
//
//   node e2e/large.mjs PYTHON TRACE
//
// PYTHON has the recorder installed (a release build, for figures that mean something). Each figure stands beside its
// goal; a figure of processor time holds on a busy machine as well, one of the clock is told with the load. The status
// is 1 if a figure of processor time, scripting or memory misses its goal.

import { spawn } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { loadavg } from "node:os";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const [python, trace] = process.argv.slice(2);
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const STEPS = 100;
const MEGABYTE = 1e6;
const SCRIPT = new Set(["FunctionCall", "EvaluateScript", "RunMicrotasks", "TimerFire", "FireAnimationFrame", "EventDispatch", "v8.callFunction", "MinorGC", "MajorGC"]);

const missed = [];

function tell(what, value, goal = null, unit = "ms", isSure = true) {
  const shown = `${value < 100 ? value.toFixed(1) : Math.round(value)} ${unit}`;
  if (goal !== null && value > goal && isSure) missed.push(what);
  console.log(`${what.padEnd(58)} ${shown.padStart(10)}${goal === null ? "" : `   goal ${goal}${value > goal ? (isSure ? "  MISSED" : "  (busy machine?)") : ""}`}`);
}

/** Of the clock: on a busy machine it says little. */
const tellClock = (what, value, goal) => tell(`${what}, by the clock`, value, goal, "ms", false);

const of = (values, part) => [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))];

/** Milliseconds of processor time of a process, threads included. */
function spent(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

const peak = (pid) => Number(readFileSync(`/proc/${pid}/status`, "utf8").match(/VmHWM:\s+(\d+)/)[1]) * 1024;
/** What a process has for itself, and its part of what it shares. */
const share = (pid) => Number(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8").match(/^Pss:\s+(\d+)/m)[1]) * 1024;

/** The processes of the browser: pid and command line. */
function processes(root) {
  const parents = new Map();
  for (const name of readdirSync("/proc").filter((each) => /^\d+$/.test(each))) {
    try {
      const command = readFileSync(`/proc/${name}/cmdline`, "utf8");
      parents.set(Number(name), [Number(readFileSync(`/proc/${name}/stat`, "utf8").split(") ")[1].split(" ")[1]), command]);
    } catch {
      // gone meanwhile
    }
  }
  const isBelow = (pid) => pid === root || (parents.has(pid) && isBelow(parents.get(pid)[0]));
  return [...parents].filter(([pid]) => isBelow(pid)).map(([pid, [, command]]) => [pid, command]);
}

const renderers = (root) => processes(root).filter(([, command]) => command.includes("--type=renderer")).map(([pid]) => pid);

/** Of all of the browser: what it draws with is on the processor, too. */
const spentByAll = (root) => processes(root).reduce((sum, [pid]) => sum + spent(pid), 0);

/** Milliseconds of the renderer's main thread in scripts, for each frame in which there was any; how many frames it drew
 * from the first turn of the wheel to the last one, and how long that was. */
function scripting(buffer) {
  const { traceEvents } = JSON.parse(buffer.toString());
  const main = traceEvents.filter((one) => one.name === "thread_name" && one.args.name === "CrRendererMain").map((one) => `${one.pid}.${one.tid}`);
  const own = traceEvents.filter((one) => main.includes(`${one.pid}.${one.tid}`)).sort((a, b) => a.ts - b.ts);
  const turns = own.filter((one) => one.name === "EventDispatch" && one.args.data?.type === "wheel").map((one) => one.ts);
  const [first, last] = [turns[0], turns.at(-1)];
  const renderer = new Set(main.map((one) => Number(one.split(".")[0])));
  const frames = traceEvents.filter((one) => one.name === "DrawFrame" && renderer.has(one.pid) && one.ts >= first && one.ts <= last).length;
  const found = [];
  let now = 0;
  let until = 0;
  for (const one of own) {
    if (one.name === "BeginMainThreadFrame" || (one.ph === "I" && one.name === "BeginFrame")) {
      if (now) found.push(now);
      now = 0;
    }
    if (one.ph === "X" && SCRIPT.has(one.name) && one.ts >= until) {
      until = one.ts + (one.dur ?? 0);
      now += (one.tdur ?? one.dur ?? 0) / 1000;
    }
  }
  return { found: now ? [...found, now] : found, frames, seconds: (last - first) / 1e6 };
}

const server = spawn(python, ["-m", "recorder", "view", "--no-open", trace], { stdio: ["ignore", "pipe", "inherit"] });
const [address] = await new Promise((done) => createInterface({ input: server.stdout }).once("line", (line) => done([line])));
const browser = await chromium.launchServer({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });
const client = await chromium.connect(browser.wsEndpoint());
try {
  const page = await (await client.newContext({ viewport: { width: 1280, height: 720 } })).newPage();
  page.setDefaultTimeout(120_000);
  console.log(`load ${loadavg()[0].toFixed(1)} on ${readFileSync("/proc/cpuinfo", "utf8").match(/^processor/gm).length} processors`);

  // The first paint: everything of the moment, and then what is asked of the whole trace.
  const before = spent(server.pid);
  const drawn = spentByAll(browser.process().pid);
  const from = Date.now();
  await page.goto(address);
  await page.locator(".row.here").waitFor();
  await page.locator(".tree").waitFor();
  tellClock("source, variables and stack of the first moment", Date.now() - from, 2000);
  const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0);
  tellClock("first contentful paint", paint, 2000);
  tell("server until then, processor time", spent(server.pid) - before, 1500);
  tell("browser until then, processor time of all its processes", spentByAll(browser.process().pid) - drawn);
  const moment = async () => Number((await page.locator(".where b").textContent()).replaceAll(",", ""));
  const coarse = Date.now();
  await page.waitForFunction(() => document.querySelector("canvas").height > 100);
  tellClock("then the timeline", Date.now() - coarse, null);

  // Steps, while counts, marks, output and calls of the whole trace are still being looked for.
  const go = async (to) => {
    await page.keyboard.press("g");
    await page.keyboard.type(to);
    await page.keyboard.press("Enter");
    await page.waitForFunction((old) => document.querySelector(".where b").textContent !== old, await page.locator(".where b").textContent()).catch(() => null);
  };
  await go("50%");
  /** Milliseconds from the key until the frame that shows where it led is painted: what waits for a frame is called before
   * that, a message that is sent there after it. */
  const step = () =>
    page.evaluate(
      () =>
        new Promise((done) => {
          const shown = document.querySelector(".where b");
          const begin = performance.now();
          const painted = new MessageChannel();
          painted.port1.onmessage = () => done(performance.now() - begin);
          const watch = new MutationObserver(() => {
            watch.disconnect();
            requestAnimationFrame(() => painted.port2.postMessage(null));
          });
          watch.observe(shown, { childList: true, characterData: true, subtree: true });
          dispatchEvent(new KeyboardEvent("keydown", { key: "s" }));
        }),
    );
  /** `pause`: ms between one that is drawn and the next key; none: a key that is held is quicker than no reader. */
  const waits = async (what, isBusy, pause = 0) => {
    const clock = [];
    const server0 = spent(server.pid);
    const browser0 = spentByAll(browser.process().pid);
    await page.evaluate(() => performance.clearResourceTimings());
    for (let times = 0; times < STEPS; times++) {
      clock.push(await step());
      if (pause) await page.waitForTimeout(pause);
    }
    const asked = await page.evaluate(() => performance.getEntriesByType("resource").filter((one) => one.transferSize > 0).length);
    if (!isBusy) {
      tell(`${what}, processor time of the server`, (spent(server.pid) - server0) / STEPS, 50);
      tell(`${what}, processor time of all of the browser`, (spentByAll(browser.process().pid) - browser0) / STEPS);
      tell(`${what}, requests`, asked / STEPS, null, "");
    }
    tellClock(`${what}, until it is painted: median`, of(clock, 0.5), 50);
    tellClock(`${what}, until it is painted: 95 %`, of(clock, 0.95), 50);
  };
  await waits("a step while the whole is being counted", true);

  // Until all is there.
  const counting = Date.now();
  const counted = spent(server.pid);
  await page.waitForFunction(() => !document.querySelector(".source h2 small").textContent.includes("counting"), null, { timeout: 600_000 });
  tellClock("counts of the text, from then on", Date.now() - counting, null);
  tell("server meanwhile, processor time", spent(server.pid) - counted);
  await page.locator("#tab-calls").click();
  await page.locator(".calls tbody tr").first().waitFor();
  await page.waitForTimeout(1000);
  await waits("a step at once after the other", false);
  await waits("a step, 100 ms after the other", false, 100);

  // To the end of the outermost function is through all of it: the next key gives that up, and so does Esc.
  const given = [];
  for (const isEnded of [false, true, false, true]) {
    await page.keyboard.press("Home");
    await page.locator("main[aria-busy=false]").waitFor();
    await page.locator(".where b").getByText("0", { exact: true }).waitFor();
    await page.keyboard.press("o");
    await page.waitForTimeout(1000);
    const still = await moment();
    if (still !== 0) missed.push(`o led to ${still} before it could be given up`);
    if (isEnded) {
      await page.keyboard.press("Escape");
      await page.locator(".said").getByText("not gone to the end").waitFor();
    }
    given.push(await step());
    if ((await moment()) !== 1) missed.push("a step after o is one from where it began");
  }
  tellClock("a step while o goes on, or after Esc: the slowest of four", Math.max(...given), null);
  await go("50%");

  // Zoom and pan by the wheel, turned by the browser itself: a driver that waits for each turn leaves frames out.
  const box = await page.locator("canvas").boundingBox();
  const hand = await page.context().newCDPSession(page);
  const turn = (across, down) => hand.send("Input.synthesizeScrollGesture", { x: Math.round(box.x + box.width / 2), y: Math.round(box.y + 60), xDistance: across, yDistance: down, speed: 800, gestureSourceType: "mouse" });
  for (const [what, across, down] of [["zoom", 0, 1600], ["pan", 1600, 0]]) {
    await page.waitForTimeout(1500);
    await client.startTracing(page, { categories: ["devtools.timeline", "v8", "disabled-by-default-devtools.timeline", "disabled-by-default-devtools.timeline.frame"] });
    const drawing = spentByAll(browser.process().pid);
    await turn(across, down);
    const all = spentByAll(browser.process().pid) - drawing;
    const { found, frames, seconds } = scripting(await client.stopTracing());
    tell(`${what}: scripting in a frame, processor time: median`, of(found, 0.5), 16);
    tell(`${what}: scripting in a frame, processor time: 99 %`, of(found, 0.99), 16);
    tell(`${what}: processor time of all of the browser a frame`, all / frames);
    tell(`${what}: frames drawn a second, of 60, by the clock`, frames / seconds, null, "");
  }

  const far = [];
  for (const part of ["3%", "97%", "12%", "80%", "33%"]) {
    const begin = Date.now();
    await go(part);
    await page.waitForFunction(() => document.querySelector(".row.here"));
    far.push(Date.now() - begin);
  }
  tellClock("a moment far away: median", of(far, 0.5), null);
  await page.waitForTimeout(2000);
  const heap = await page.evaluate(() => performance.memory?.usedJSHeapSize ?? 0);
  tell("the page's own objects", heap / MEGABYTE, null, "MB");
  tell("memory of the page's process", Math.max(...renderers(browser.process().pid).map(share)) / MEGABYTE, 300, "MB");
  tell("memory of the server, at most", peak(server.pid) / MEGABYTE, 200, "MB");
  console.log(`event ${await moment()}; load ${loadavg()[0].toFixed(1)} at the end`);
} finally {
  await client.close();
  await browser.close();
  server.kill("SIGINT");
}
if (missed.length) console.error(`missed: ${missed.join("; ")}`);
process.exit(missed.length ? 1 : 0);
