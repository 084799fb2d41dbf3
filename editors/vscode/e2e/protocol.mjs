// Goes through a session by somebody else's client of the protocol, @vscode/debugadapter-testsupport:
//
//   node e2e/protocol.mjs PYTHON FOLDER
//
// PYTHON has the recorder installed; FOLDER is for the program and its trace. What does not hold ends it with a status of 1.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { DebugClient } from "@vscode/debugadapter-testsupport";

const [python, folder] = process.argv.slice(2);
const program = join(folder, "shop.py");
writeFileSync(
  program,
  `import asyncio

def total(prices):
    t = 0
    for price in prices:
        t += price
    return t

async def main():
    await asyncio.sleep(0)
    print(total([1, 2, 3]))

asyncio.run(main())
`,
);

// The client starts an adapter by one file.
const adapter = join(folder, "adapter.py");
writeFileSync(adapter, 'import runpy, sys\nsys.argv = ["recorder", "dap"]\nrunpy.run_module("recorder", run_name="__main__", alter_sys=True)\n');

async function session(run) {
  const client = new DebugClient(python, adapter, "recorder");
  await client.start();
  client.defaultTimeout = 60_000;
  try {
    await run(client);
  } catch (error) {
    console.error(error);
    process.exit(1);
  }
  await client.stop();
}

const at = (line) => ({ path: program, line });

await session(async (client) => {
  const launch = { program, cwd: folder, stopOnEntry: false };
  await Promise.all([
    client.hitBreakpoint(launch, at(6), undefined, undefined),
    client.assertOutput("stdout", "6\n"),
  ]);
  const moved = async (move, reason, line) => (await Promise.all([client.assertStoppedLocation(reason, at(line)), move]))[0];
  const { body } = await client.threadsRequest();
  const thread = body.threads.find(({ name }) => name === "Task-1 (task, runs)").id;
  const value = async (expression) => {
    const stack = await client.stackTraceRequest({ threadId: thread });
    return (await client.evaluateRequest({ expression, frameId: stack.body.stackFrames[0].id })).body.result;
  };
  assert.equal(await value("price"), "1");
  await moved(client.nextRequest({ threadId: thread }), "step", 5);
  await moved(client.stepBackRequest({ threadId: thread }), "breakpoint", 6);
  await moved(client.continueRequest({ threadId: thread }), "breakpoint", 6);
  assert.equal(await value("price"), "2");
  await moved(client.reverseContinueRequest({ threadId: thread }), "breakpoint", 6);
  assert.equal(await value("price"), "1");
  await client.setBreakpointsRequest({ source: { path: program }, breakpoints: [] });
  await moved(client.stepOutRequest({ threadId: thread }), "step", 11);
  await assert.rejects(client.setVariableRequest({ variablesReference: 1, name: "t", value: "2" }), /this is a recording/);
});

await session(async (client) => {
  await client.initializeRequest();
  const isReady = client.waitForEvent("initialized");
  await client.attachRequest({ trace: join(folder, "shop.rtrace") });
  await isReady;
  await Promise.all([client.assertStoppedLocation("entry", at(1)), client.configurationDoneRequest()]);
  const { body } = await client.gotoTargetsRequest({ source: { path: program }, line: 6 });
  assert.equal(body.targets.length, 3);
  await Promise.all([client.assertStoppedLocation("goto", at(6)), client.gotoRequest({ threadId: 1, targetId: body.targets[2].id })]);
  await assert.rejects(client.attachRequest({ trace: "nowhere.rtrace" }), /open already/);
});

console.log("all of it holds");
