// The importer of chrome://tracing: `node chrome.mjs trace_viewer_full.html`.
//
// Takes paths from stdin, a line each, and says on stdout, as a line of JSON, what it made of the file.

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import vm from "node:vm";

// The page is one script made of many. Those that only draw need a browser, and are left out by failing.
const script = readFileSync(process.argv[2], "utf8").match(/<script[^>]*>([^]+)<\/script>/)[1];
const context = vm.createContext({ isVinn: true, performance, console });
context.global = context;
const first = script.lastIndexOf("'use strict';", script.indexOf("this.tr=(function(){"));
for (const part of script.slice(first).split("'use strict';")) {
  try {
    vm.runInContext(part, context);
  } catch {}
}

const imported = vm.runInContext(`(trace) => {
  const model = new tr.Model();
  const options = new tr.importer.ImportOptions();
  options.showImportWarnings = options.shiftWorldToZero = false;
  new tr.importer.Import(model, options).importTraces([trace]);
  const threads = Object.values(model.processes).flatMap((process) => Object.values(process.threads));
  return {
    complaints: model.importWarnings.map((warning) => warning.message),
    processes: Object.values(model.processes).map((process) => process.name),
    threads: threads.map((thread) => ({
      track: thread.tid,
      name: thread.name,
      slices: thread.sliceGroup.slices.map((slice) => ({
        name: slice.title, category: slice.category, start: slice.start, duration: slice.duration,
        args: slice.args, parent: slice.parentSlice?.title ?? null, unfinished: slice.didNotFinish,
      })),
      tasks: thread.asyncSliceGroup.slices.map((slice) => slice.title),
    })),
  };
}`, context);

for await (const path of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(imported(readFileSync(path, "utf8"))));
}
