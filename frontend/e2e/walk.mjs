// Walks through the page in a real Chromium, by keyboard and by mouse, on real traces:
//
//   node e2e/walk.mjs PYTHON [FOLDER]
//
// PYTHON has the recorder installed. FOLDER is for the traces and the pictures; without it they are removed at the end.
// CHROMIUM names the browser (default: /usr/bin/chromium). What does not hold ends the walk with a status of 1.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const [python = "python3", given] = process.argv.slice(2);
const folder = given ?? mkdtempSync(join(tmpdir(), "recorder-walk-"));
const here = import.meta.dirname;
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

process.stdout.write(execFileSync(python, [join(here, "traces.py"), folder]));
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });
const trouble = [];
const STEP = 50; // ms of the server's processor time
const ZOOM = 5000; // … of a timeline of its whole width

/** Starts `recorder view`; its address, and how it is ended. */
async function serve(...names) {
  const traces = names.map((name) => join(folder, `${name}.rtrace`));
  const server = spawn(python, ["-m", "recorder", "view", "--no-open", ...traces], { stdio: ["ignore", "pipe", "inherit"] });
  const lines = createInterface({ input: server.stdout });
  const [address] = await new Promise((done) => lines.once("line", (line) => done([line])));
  return { address, pid: server.pid, end: () => new Promise((done) => server.once("exit", done) && server.kill("SIGINT")) };
}

/** A page that may ask nobody but its own server, and in which nothing of a trace may run. */
async function pageAt(address, options = {}, first = ".where b") {
  const context = await browser.newContext({ viewport: { width: 1280, height: 720 }, bypassCSP: false, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(15000);
  page.on("dialog", (dialog) => trouble.push(`a dialog: ${dialog.message()}`) && dialog.dismiss());
  page.on("pageerror", (error) => trouble.push(`an error in the page: ${error}`));
  page.on("console", (message) => message.type() === "error" && !/422|404/.test(message.text()) && trouble.push(`the console: ${message.text()}`));
  page.on("request", (request) => {
    if (!request.url().startsWith(address.split("#")[0]) && !/^(data|file|blob):/.test(request.url())) trouble.push(`a request elsewhere: ${request.url()}`);
  });
  await page.goto(address);
  await page.locator(first).waitFor();
  return page;
}

const moment = async (page) => Number((await page.locator(".where b").textContent()).replaceAll(",", ""));

/** Does something, and waits until the moment is another one. */
async function moves(page, act, what) {
  const before = await moment(page);
  await act();
  await page.waitForFunction((old) => Number(document.querySelector(".where b").textContent.replaceAll(",", "")) !== old, before, { timeout: 10000 }).catch(() => assert.fail(`${what}: it is still event ${before}`));
  const now = await moment(page);
  const hash = await page.evaluate(() => location.hash); // what page.url() says comes later
  assert.equal(hash.match(/[#&]at=(\d+)/)[1], String(now), "the address is the moment's");
  return now;
}

const press = (page, key) => moves(page, () => page.keyboard.press(key), `the key ${key}`);

async function accessible(page, where) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  for (const one of found.violations) trouble.push(`${where}: ${one.id}: ${one.help}: ${one.nodes.slice(0, 3).map((node) => `${node.html} ${node.failureSummary}`).join(" | ")}`);
}

async function picture(page, name) {
  if (given) await page.screenshot({ path: join(folder, `${name}.png`) });
}

/** The next step is asked while one looks: the key finds it answered, and with a move comes all that is shown of where it
 * leads. */
async function askedBefore(page) {
  const asked = [];
  page.on("request", (request) => asked.push(request.url().replace(/^.*\/api\/\d+\//, "")));
  const settled = async () => {
    await page.locator("main[aria-busy=false]").waitFor();
    await page.waitForTimeout(700);
  };
  await settled();
  for (const key of ["s", "s", "n", "Shift+S"]) {
    asked.length = 0;
    await press(page, key);
    await settled();
    const here = String(await moment(page));
    const about = asked.filter((one) => /^(move|moment|inline)/.test(one));
    assert.ok(about.every((one) => one.startsWith("move")), `${key}: ${about.join(", ")}`);
    if (key === "s") assert.ok(about.every((one) => new URLSearchParams(one.replace(/^.*\?/, "")).get("seq") === here), `a step was asked by its key: ${about.join(", ")}`);
  }
}

/** All panels by keyboard alone. */
async function byKeyboard(page) {
  const first = await moment(page);
  assert.ok((await press(page, "s")) > first);
  assert.equal(await press(page, "Shift+S"), first);
  await press(page, "n");
  await press(page, "s");
  const raised = await press(page, "e");
  assert.match(await page.locator(".where .kind").textContent(), /raise/);
  assert.ok((await press(page, "o")) > raised);
  await press(page, "Home");
  await askedBefore(page);
  await page.keyboard.press("g");
  await page.keyboard.type("50%");
  await moves(page, () => page.keyboard.press("Enter"), "50%");
  await page.keyboard.press("h");
  await page.locator(".keys").waitFor();
  await page.keyboard.press("Escape");
  await page.locator(".keys").waitFor({ state: "detached" });
  // To a variable, into it, and to where it came from.
  await page.locator(".tree [role=treeitem]").first().focus();
  const open = page.locator(".tree [role=treeitem][aria-expanded=false]").first();
  if (await open.count()) {
    await open.focus();
    await page.keyboard.press("ArrowRight");
    await page.locator(".tree [role=group]").first().waitFor();
    await page.keyboard.press("ArrowLeft");
  }
  await page.locator("canvas").focus();
  const range = await page.locator(".timeline h2 small").textContent();
  for (let times = 0; times < 3; times++) await page.keyboard.press("+");
  await page.waitForFunction((old) => document.querySelector(".timeline h2 small").textContent !== old, range);
  await page.keyboard.press("0");
  await page.locator("[role=tab]").first().focus();
  await page.keyboard.press("ArrowRight");
  await page.locator(".calls tbody tr").first().waitFor();
  await page.keyboard.press("ArrowRight");
  await page.locator(".questions").waitFor();
}

/** All panels by mouse alone. */
async function byMouse(page) {
  await moves(page, () => page.locator(".steps button").nth(4).click(), "the button for n");
  await page.locator("#tab-output").click();
  const lines = page.locator(".output button");
  await lines.first().waitFor();
  await moves(page, () => lines.nth(1).click(), "a line of the output");
  const name = page.locator(".tree [role=treeitem] .value").last();
  await name.click();
  await page.locator(".about").getByText("where from").click();
  await page.locator(".hits li").first().waitFor();
  await page.locator("#tab-calls").click();
  await moves(page, () => page.locator(".calls button").nth(1).click(), "a call");
  const at = await moment(page);
  await page.locator("canvas").click({ position: { x: 900, y: 10 } });
  await page.waitForFunction((old) => Number(document.querySelector(".where b").textContent.replaceAll(",", "")) !== old, at);
  // A breakpoint after the fact: where it would have stopped, and the way through these moments.
  await page.locator(".row .number").nth(Math.max(0, (await page.locator(".row").count()) - 12)).click();
  await page.locator(".found").waitFor();
  assert.equal(await page.locator(".number.stop").count(), 1);
  await page.locator(".stack .list button").last().click();
  assert.equal(await page.locator(".stack .list [aria-current=true]").count() > 0, true);
}

/** A breakpoint with a condition, by key and by the mouse; and one that is none. */
async function condition(page) {
  await page.goto(`${page.url().split("#")[0]}#at=0`); // without the breakpoints that were
  await page.locator(".number.stop").waitFor({ state: "detached" });
  await page.locator("#tab-questions").click();
  await page.keyboard.press("/");
  await page.keyboard.type("shop.py:28");
  await moves(page, () => page.keyboard.press("Enter"), "a search");
  await page.keyboard.press("Shift+B");
  await page.keyboard.type("total > 5");
  await page.keyboard.press("Enter");
  await page.locator(".found").getByText(/^2 found/).waitFor();
  await press(page, "Home");
  const first = await press(page, "c");
  const second = await press(page, "c");
  assert.ok(first < second, "it stops where the condition is true");
  await page.keyboard.press("c");
  await page.locator(".said").getByText("nothing there").waitFor();
  await page.locator(".number.stop").click({ modifiers: ["Shift"] });
  await page.keyboard.type("total >");
  await page.keyboard.press("Enter");
  await page.locator(".questions .failed").waitFor();
  await page.locator(".number.stop").click();
  await page.locator(".number.stop").waitFor({ state: "detached" });
}

/** What is shown stands in the address: another page that is given it shows the same. */
async function addresses(page) {
  await page.goto(`${page.url().split("#")[0]}#at=0`);
  await page.locator("main[aria-busy=false]").waitFor();
  await page.keyboard.press("/");
  await page.keyboard.type("Basket.put");
  await moves(page, () => page.keyboard.press("Enter"), "a search");
  await page.locator(".tree .value b").getByText("item", { exact: true }).click();
  await page.locator(".about").getByText("pin").click();
  await page.locator(".watched p").getByText("item").waitFor();
  await page.locator(".about").getByText("history").click();
  await page.locator(".hits li").first().waitFor();
  await page.locator("canvas").focus();
  await page.keyboard.press("+");
  await page.waitForFunction(() => location.hash.includes("zoom="));
  const [range, hits, at] = [await page.locator(".timeline h2 small").textContent(), await page.locator(".hits").textContent(), await moment(page)];
  const other = await pageAt(page.url());
  await other.locator(".hits li").first().waitFor();
  assert.equal(await moment(other), at);
  assert.equal(await other.locator(".hits").textContent(), hits, "the question");
  assert.match(await other.locator(".timeline h2 small").textContent(), new RegExp(range.match(/^events [\d,]+ to [\d,]+/)[0]), "the part of the timeline");
  assert.equal(await other.locator(".about code").textContent(), "item");
  await other.locator(".watched p").getByText("item").waitFor();
  await other.context().close();
}

/** Fields offer what the trace knows; globals open; calls can be searched. */
async function helps(page) {
  await page.locator("#tab-questions").click();
  await page.locator(".questions select").selectOption("calls");
  await page.locator(".questions input[name=function]").fill("put");
  await page.locator("#words-function option[value='Basket.put']").waitFor({ state: "attached" });
  await page.locator("#tab-calls").click();
  await page.locator("input[type=search]").fill("put");
  await page.waitForFunction(() => document.querySelectorAll(".calls tbody tr").length === 1);
  await page.locator(".more").getByText("globals").click();
  await page.locator("[aria-label=globals] .value b").getByText("HOSTILE").click();
  assert.equal(await page.locator(".about code").textContent(), "HOSTILE");
}

/** A frame as a table, by keyboard alone: into it, from cell to cell, and where a cell came from. */
async function table(page) {
  await page.goto(`${page.url().split("#")[0]}#at=0`);
  await page.locator("main[aria-busy=false]").waitFor();
  await page.keyboard.press("/");
  await page.keyboard.type("summary");
  await moves(page, () => page.keyboard.press("Enter"), "a search");
  await page.locator(".tree [role=treeitem]").first().focus();
  await page.keyboard.press("ArrowRight");
  await page.locator(".table th[scope=col]").getByText("size").waitFor();
  await page.locator(".table").focus();
  for (const key of ["ArrowDown", "ArrowDown", "ArrowRight"]) await page.keyboard.press(key);
  assert.equal(await page.locator(".about code").textContent(), "frame['size'][1]");
  await page.keyboard.press("Escape");
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute("role")), "treeitem");
  await accessible(page, "a table");
  await picture(page, "frame");
}

/** A page of another origin, and a request under a foreign name, get nothing. */
async function strangers(address) {
  const foreign = await (await browser.newContext()).newPage();
  await foreign.goto("data:text/html,<p>elsewhere</p>");
  const told = await foreign.evaluate((to) => fetch(`${to}api/traces`).then((reply) => reply.text(), () => "nothing"), address);
  assert.equal(told, "nothing");
  const within = await foreign.evaluate(
    (to) =>
      new Promise((done) => {
        const script = document.createElement("script");
        script.src = `${to}page.js`;
        script.onload = () => done("loaded");
        script.onerror = () => done("nothing");
        document.head.append(script);
      }),
    address,
  );
  assert.equal(within, "nothing");
  await foreign.context().close();
  const status = await new Promise((done) => request(`${address}api/traces`, { headers: { host: "evil.example" } }, (reply) => done(reply.statusCode)).end());
  assert.equal(status, 403);
}

/** Two traces: the differences, both moments, and steps in both. */
async function together(...names) {
  const server = await serve(...names);
  const page = await pageAt(server.address);
  await page.locator("#tab-differences").click();
  const rows = page.locator(".differences .hits button");
  await rows.first().waitFor();
  assert.match(await page.locator(".differences .hits").textContent(), /prices.*3 → 4/);
  const at = await moves(page, () => rows.first().click(), "a difference");
  await page.locator(".beside .row.here").getByText("async def shop").waitFor();
  const other = async () => (await page.locator(".beside > header h2 small").textContent()).match(/event ([\d,]+)/)[1];
  const there = await other();
  assert.ok((await press(page, "s")) > at);
  await page.waitForFunction((old) => !document.querySelector(".beside > header h2 small").textContent.includes(`event ${old} `), there);
  await page.locator(".beside .row.here").getByText("basket = Basket").waitFor();
  await accessible(page, "two traces");
  await picture(page, "two");
  await page.locator(".beside > header button").getByText("close").click();
  await page.locator(".timeline canvas").waitFor();
  await page.locator("header select").selectOption("1");
  await page.locator(".where b").waitFor();
  await page.context().close();
  await server.end();
  console.log("walked through two traces");
}

/** Two traces that part and meet again: a step in one moves the other, by key and by mouse, and the address has both. */
async function aligned(...names) {
  const server = await serve(...names);
  const page = await pageAt(server.address);
  // What is shown, which comes a little after the address.
  const both = async () => [await moment(page), Number((await page.locator(".beside > header h2 small").textContent()).match(/event ([\d,]+)/)[1].replaceAll(",", ""))];
  const settles = async (here, there, says) => {
    await page.locator(".meeting").filter({ hasText: says }).waitFor();
    await page.waitForFunction(([a, b]) => location.hash.includes(`at=${a}&`) && location.hash.includes(`beside=1:${b}`), [here, there]).catch(async () => assert.fail(`${await both()} instead of ${here}, ${there}`));
  };
  await page.locator("#tab-differences").click();
  await page.locator(".differences .hits button").first().click();
  await page.locator(".meeting.parted").filter({ hasText: "meet again" }).waitFor();
  const [a, b] = await both();
  const meet = (await page.locator(".meeting").textContent()).match(/meet again at A ([\d,]+), B ([\d,]+)/).slice(1).map((text) => Number(text.replaceAll(",", "")));
  // In B, by its buttons and then by keys: A stays where they parted.
  await page.locator(".beside .steps button").nth(3).click();
  await page.waitForFunction((old) => !location.hash.includes(`beside=1:${old}`), b);
  assert.equal((await both())[0], a);
  await page.locator(".meeting.parted").getByText("only B goes through this").waitFor();
  await accessible(page, "two traces that parted");
  await picture(page, "parted");
  await page.keyboard.press("m");
  await settles(...meet, "the same event in both");
  // And on from there, in either.
  await page.keyboard.press("s");
  await page.waitForFunction(([a, b]) => {
    const [here, there] = [/at=(\d+)/, /beside=1:(\d+)/].map((one) => Number(location.hash.match(one)[1]));
    return here !== a && here - a === there - b;
  }, meet);
  await page.locator(".meeting").filter({ hasText: /^the same event in both/ }).waitFor();
  await page.locator(".source .code").first().focus();
  await page.keyboard.press("Shift+S");
  await settles(...meet, "only B went through what is before it");
  const again = await pageAt(page.url());
  await again.locator(".meeting").filter({ hasText: "the same event in both" }).waitFor();
  assert.equal(await moment(again), meet[0]);
  await again.context().close();
  await page.keyboard.press("a");
  await page.locator(".meeting").getByText("each steps alone").waitFor();
  await press(page, "n");
  assert.equal((await both())[1], meet[1]);
  await page.context().close();
  await server.end();
  console.log("walked through two traces that part and meet again");
}

/** The timeline over time: the switch by mouse and key, and the address; who waits for a task, up to the root. */
async function overTime(page) {
  await page.goto(`${page.url().split("#")[0]}#at=0`);
  await page.locator("main[aria-busy=false]").waitFor();
  const range = page.locator(".timeline h2 small");
  await page.locator(".timeline button").getByText("time", { exact: true }).click();
  await page.waitForFunction(() => / (ms|s) to [\d.]+ (ms|s)/.test(document.querySelector(".timeline h2 small").textContent));
  await page.waitForTimeout(500);
  const box = await page.locator("canvas").boundingBox();
  await moves(page, () => page.mouse.click(box.x + box.width * 0.7, box.y + 60), "a place in the timeline over time");
  await page.locator("canvas").focus();
  await page.keyboard.press("+");
  await page.waitForFunction(() => /over=time.*zoom=|zoom=.*over=time/.test(location.hash));
  const other = await pageAt(page.url());
  await other.waitForFunction((text) => document.querySelector(".timeline h2 small").textContent === text, await range.textContent());
  await other.context().close();
  await accessible(page, "over time");
  await picture(page, "time");
  await page.keyboard.press("t");
  await range.getByText("events").waitFor();
}

async function waiting(page) {
  await page.keyboard.press("/");
  await page.keyboard.type("Basket.put");
  await moves(page, () => page.keyboard.press("Enter"), "a search");
  const rows = page.locator(".waiting > li");
  await rows.first().waitFor();
  assert.match(await rows.last().textContent(), /awaited by Task-1/);
  await moves(page, () => rows.last().locator("button").first().click(), "who waits for the task");
  assert.match(await page.locator(".where").textContent(), /yield.*Task-1/);
}

/** Texts that would do something as markup or on a terminal, and of 10 MB: in every panel they are texts. */
async function hostile(page) {
  const looked = async (where) => {
    const found = await page.evaluate(() => ({
      made: document.querySelectorAll("#page img, #page script, #page iframe, #page style, [onerror], [onclick]").length,
      html: document.documentElement.outerHTML,
      title: document.title,
    }));
    assert.equal(found.made, 0, `${where}: an element was made of a text`);
    assert.equal(found.title, "recorder");
    assert.doesNotMatch(found.html, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069]/, `${where}: what is invisible, or turns a text around`);
    assert.ok(found.html.length < 2_000_000, `${where}: ${found.html.length} characters of markup`);
  };
  await looked("the beginning");
  for (const tab of ["output", "calls", "questions"]) {
    await page.locator(`#tab-${tab}`).click();
    await page.locator(`#lower li, #lower tr, #lower form`).first().waitFor();
    await looked(tab);
  }
  for (const place of ["hold", "task"]) {
    await page.keyboard.press("Home");
    await page.waitForFunction(() => document.querySelector(".where b").textContent === "0");
    await page.keyboard.press("/");
    await page.keyboard.type(place);
    await moves(page, () => page.keyboard.press("Enter"), "a search");
    await press(page, "o");
    await page.waitForTimeout(300);
    const closed = page.locator(".tree [role=treeitem][aria-expanded=false] > .value");
    for (let times = 0; times < 15 && (await closed.count()); times++) await closed.first().click();
    await page.waitForTimeout(300);
    await page.locator(".more").getByText("globals").click().catch(() => null);
    await variable("text")(page).first().click();
    await page.locator(".about").getByText("where from").click();
    await page.locator(".questions .found, .questions .failed").first().waitFor();
    await looked(`the values of ${place}`);
  }
  for (const key of ["e", "e", "End"]) {
    await page.keyboard.press(key);
    await page.waitForTimeout(300);
    await looked(`after ${key}`);
  }
  await questions(page);
  await looked("the questions");
  await accessible(page, "hostile texts");
  await picture(page, "hostile");
}

/** Millions of events: the budgets of large.mjs, which do not hang on how many there are, by what the server spends. */
async function large(name) {
  const server = await serve(name);
  const page = await pageAt(server.address);
  page.setDefaultTimeout(60_000); // on a busy machine what passes over millions of events lasts
  const spent = () => {
    const fields = readFileSync(`/proc/${server.pid}/stat`, "utf8").split(") ")[1].split(" ");
    return (Number(fields[11]) + Number(fields[12])) * 10;
  };
  await page.keyboard.press("g");
  await page.keyboard.type("50%");
  await moves(page, () => page.keyboard.press("Enter"), "50%");
  await page.waitForFunction(() => document.querySelector("canvas").height > 100 && !document.querySelector(".source h2 small").textContent.includes("counting"), null, { timeout: 60_000 });
  await page.waitForTimeout(500);
  const took = [];
  for (let step = 0; step < 30; step++) {
    const before = spent();
    await press(page, step % 3 === 2 ? "Shift+S" : "s");
    await page.locator("main[aria-busy=false]").waitFor();
    took.push(spent() - before);
  }
  const mean = took.reduce((sum, one) => sum + one, 0) / took.length;
  assert.ok(mean <= STEP, `a step costs the server ${mean} ms`);
  // Out of the outermost function is through most of the trace: the next key gives it up.
  await press(page, "Home");
  await page.locator("main[aria-busy=false]").waitFor();
  await page.keyboard.press("o");
  await press(page, "s");
  const zoomed = spent();
  await page.locator(".timeline button").getByText("time", { exact: true }).click();
  await page.waitForFunction(() => / (ms|s) to [\d.]+ (ms|s)/.test(document.querySelector(".timeline h2 small").textContent));
  await page.waitForTimeout(2000);
  assert.ok(spent() - zoomed < ZOOM, `the timeline over time costs the server ${spent() - zoomed} ms`);
  const most = Number(readFileSync(`/proc/${server.pid}/status`, "utf8").match(/VmHWM:\s+(\d+)/)[1]) / 1000;
  assert.ok(most <= 200, `the server has ${most} MB`);
  await page.context().close();
  await server.end();
  console.log(`walked through millions of events: ${mean.toFixed(1)} ms of the server a step, ${Math.round(most)} MB`);
}

/** Every question as a form; what it cannot answer is an error with its code, and no more. */
async function questions(page) {
  await page.locator("#tab-questions").click();
  const select = page.locator(".questions select");
  const entered = { expression: "1", name: "x", pattern: "a", at: "0" };
  for (const name of await select.locator("option").evaluateAll((options) => options.map((option) => option.value))) {
    await select.selectOption(name);
    await page.locator(".found, .failed").waitFor({ state: "detached" });
    for (const [field, text] of Object.entries(entered)) {
      const box = page.locator(`.questions form > label input[name=${field}]`);
      if (name !== "find" && (await box.count())) await box.fill(text);
    }
    await page.locator(".questions form > button").click();
    await page.locator(".questions .found, .questions .failed").first().waitFor();
  }
  await select.selectOption("grep");
  await page.locator("input[name=pattern]").fill("(");
  await page.locator(".questions form > button").click();
  assert.match(await page.locator(".questions .failed").textContent(), /ERR_INVALID_ARGUMENT/);
}

/** Five mistakes, found with the mouse alone: what is clicked, and what can be read then. */
const BUGS = {
  merge: [
    ["the tab “calls”", (page) => page.locator("#tab-calls")],
    ["revenue", (page) => page.locator(".calls button").getByText("revenue")],
    ["⇥: to the function's end", (page) => page.locator(".steps button").nth(5)],
    ["merged", variable("merged"), (page) => [page.locator(".table caption"), /4 rows × 3 columns/]],
    ["customers", variable("customers"), (page) => [page.locator(".table").first().locator("tbody"), /7Bonn.*7Jena/]],
  ],
  rounding: [
    ["the line of the output", (page) => page.locator(".output button").last()],
    ["total", variable("total")],
    ["where from", about("where from"), (page) => [page.locator(".hits"), /it read.*gross = Decimal\('0.1309'\)CENT = Decimal\('0.01'\)/]],
  ],
  cache: [
    ["the line of the output", (page) => page.locator(".output button").last()],
    ["cache", variable("cache")],
    ["kept", variable("kept")],
    ["changes", about("changes"), (page) => [page.locator(".hits"), /'ann'[:,] 1.*'bob'[:,] 2.*→ OrderedDict\(.*'bob'[:,] 2.*'cid'[:,] 3.*cache.py:24/]],
  ],
  broadcast: [
    ["the tab “calls”", (page) => page.locator("#tab-calls")],
    ["worth", (page) => page.locator(".calls button").getByText("worth")],
    ["⇥: to the function's end", (page) => page.locator(".steps button").nth(5)],
    ["amounts", variable("amounts"), (page) => [page.locator(".table caption"), /3 × 3/]],
    ["counts", variable("counts"), (page) => [page.locator(".table caption").first(), /3 × 1/]],
  ],
  default: [
    ["the line of the output", (page) => page.locator(".output button").last(), (page) => [page.locator(".tree").first(), /first\['pear', 'plum'\].*second\['pear', 'plum'\]/]],
    ["second", variable("second")],
    ["who else holds it", about("who else holds it"), (page) => [page.locator(".hits"), /first.*second/]],
    ["where from", about("where from"), (page) => [page.locator(".hits"), /rows = \['pear', 'plum'\] changed.*collect default.py:5/]],
  ],
};

function variable(name) {
  return (page) => page.locator(".tree .value b").getByText(name, { exact: true });
}

function about(name) {
  return (page) => page.locator(".about").getByText(name);
}

async function bug(name) {
  const server = await serve(name);
  const page = await pageAt(server.address);
  for (const [what, target, seen] of BUGS[name]) {
    await target(page).click();
    await page.locator("main[aria-busy=false]").waitFor();
    if (!seen) continue;
    const [place, text] = seen(page);
    await page.waitForFunction(() => !document.querySelector(".said").textContent);
    await place.filter({ hasText: text }).waitFor().catch(async () => assert.fail(`${name}, ${what}: ${await place.textContent()}`));
  }
  await picture(page, `bug-${name}`);
  await page.context().close();
  await server.end();
  console.log(`found ${name} by ${BUGS[name].length} clicks: ${BUGS[name].map(([what]) => what).join(", ")}`);
}

async function walk(name, more = async () => {}) {
  const server = await serve(name);
  try {
    const page = await pageAt(server.address);
    await byKeyboard(page);
    await byMouse(page);
    await accessible(page, `${name}, light`);
    await page.emulateMedia({ colorScheme: "dark" });
    await accessible(page, `${name}, dark`);
    await more(page, server.address);
    await page.context().close();
  } finally {
    await server.end();
  }
  console.log(`walked through ${name}`);
}

/** What `recorder export --to html` wrote, without a server. */
async function file(name) {
  const path = join(folder, `${name}.html`);
  execFileSync(python, ["-m", "recorder", "export", join(folder, `${name}.rtrace`), "--to", "html", "-o", path]);
  const page = await pageAt(`file://${path}`);
  const begin = await moment(page);
  assert.match(await page.locator(".where .kind").textContent(), /raise/, "it begins where it went wrong");
  assert.equal(await press(page, "Shift+S").then(() => press(page, "s")), begin);
  await press(page, "o");
  await press(page, "Home");
  await press(page, "End");
  await page.keyboard.press("g");
  await page.keyboard.type(String(begin));
  await moves(page, () => page.keyboard.press("Enter"), "an event's number");
  await page.locator(".row.here .heat").waitFor();
  await page.locator(".tree [role=treeitem][aria-expanded=false] .value").last().click();
  await page.locator(".tree [role=group] [role=treeitem]").first().waitFor();
  await page.locator(".tree [role=treeitem] .value b").getByText("results", { exact: true }).click();
  await page.locator(".about").getByText("where from").click();
  await page.locator(".hits li").first().waitFor();
  await page.locator("#tab-calls").click();
  await page.locator(".calls tbody tr").first().waitFor();
  await page.locator("#tab-output").click();
  await page.locator(".output li").first().waitFor();
  await accessible(page, "a file, light");
  await page.emulateMedia({ colorScheme: "dark" });
  await accessible(page, "a file, dark");
  await picture(page, "file");
  await page.context().close();
  console.log("walked through a file");
}

/** The same in a frame of a notebook, as `%%record` shows it: without an address, and of no origin. */
async function notebook(name) {
  const frame = execFileSync(python, ["-c", `
import html, pathlib
from recorder.jupyter import FRAME
print(FRAME.format(html.escape(pathlib.Path(${JSON.stringify(join(folder, `${name}.html`))}).read_text())))`], { maxBuffer: 1 << 26 });
  const path = join(folder, "notebook.html");
  writeFileSync(path, `<!doctype html><title>a notebook</title>${frame}`);
  const page = await pageAt(`file://${path}`, {}, "iframe");
  const within = page.locator("iframe").contentFrame();
  const where = within.locator(".where b");
  const begin = await where.textContent();
  const leads = async (what, to) => {
    const before = await where.textContent();
    await what();
    for (let times = 0; times < 50 && (await where.textContent()) === before; times++) await page.waitForTimeout(100);
    assert.notEqual(await where.textContent(), before, `in a notebook, ${to}`);
  };
  await within.locator(".code").click();
  await leads(() => page.keyboard.press("Shift+S"), "a step back");
  await leads(() => page.keyboard.press("Home"), "the beginning");
  await page.keyboard.press("g");
  await page.keyboard.type(begin.replaceAll(",", ""));
  await leads(() => page.keyboard.press("Enter"), "an event's number");
  assert.equal(await where.textContent(), begin);
  await page.context().close();
  console.log("walked through a notebook's frame");
}

async function pictures(page, address, name) {
  for (const colorScheme of ["light", "dark"]) {
    const other = await pageAt(address, { colorScheme });
    await press(other, "e");
    for (let times = 0; times < 4; times++) await press(other, "Shift+S");
    await other.locator("#tab-calls").click();
    await other.waitForTimeout(700);
    await picture(other, `${name}-${colorScheme}`);
    await other.context().close();
  }
}

try {
  if (!process.env.ONLY_FILE) await walk("shop", async (page, address) => {
    await questions(page);
    await condition(page);
    await addresses(page);
    await helps(page);
    await overTime(page);
    await waiting(page);
    await strangers(address);
    await pictures(page, address, "shop");
    const phone = await pageAt(address, { viewport: { width: 390, height: 844 }, hasTouch: true });
    for (const [number, panel] of ["source", "variables", "stack", "lower", "timeline"].entries()) {
      await phone.locator("nav button").nth(number).click();
      await phone.locator(`.panel.${panel}`).waitFor();
      assert.equal(await phone.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true, `${panel} fits a phone`);
      await picture(phone, `phone-${panel}`);
    }
    await accessible(phone, "a phone");
    await phone.context().close();
  });
  await file("shop");
  await notebook("shop");
  for (const name of ["web", "table"]) if (existsSync(join(folder, `${name}.rtrace`))) await walk(name, async (page, address) => {
      if (name === "table") await table(page);
      await pictures(page, address, name);
    });
  for (const name of Object.keys(BUGS)) if (existsSync(join(folder, `${name}.rtrace`))) await bug(name);
  await large("large");
  await together("shop", "dearer");
  await aligned("shop", "longer");
  const evil = await serve("hostile");
  const among = await pageAt(evil.address);
  await hostile(among);
  await among.context().close();
  await evil.end();
  console.log("walked among hostile texts");
  const damaged = await serve("damaged");
  const page = await pageAt(damaged.address);
  await page.locator(".notice").waitFor();
  assert.match(await page.locator(".notice").textContent(), /corrupt/);
  await press(page, "End");
  await page.waitForTimeout(500);
  await accessible(page, "a damaged trace");
  await picture(page, "damaged");
  // An address that leads to what is not there says so, and keys lead on.
  const lost = await pageAt(`${damaged.address}#at=99999`, {}, ".failed");
  assert.match(await lost.locator(".failed").textContent(), /ERR_EVENT_NOT_FOUND/);
  await lost.keyboard.press("End");
  await lost.locator(".where b").waitFor();
  assert.equal(await lost.locator(".failed").count(), 0);
  await press(lost, "Shift+S");
  await lost.context().close();
  await page.context().close();
  await damaged.end();
  console.log("walked through a damaged trace");
} finally {
  await browser.close();
  if (!given) rmSync(folder, { recursive: true });
}
for (const one of trouble) console.error(one);
process.exit(trouble.length ? 1 : 0);
