// Perfetto's trace processor, as its web page runs it: `node perfetto.mjs trace_processor.wasm`.
//
// Takes requests from stdin and gives answers on stdout. A request is a length (u32, little-endian) and
// so many bytes of a TraceProcessorRpcStream; answers are the bytes of such streams.

import { readFileSync, readSync, writeSync } from "node:fs";

const LARGEST_REQUEST = 1 << 22;
const ENOSYS = -52;
let wasm;

const memory = (at, size) => new Uint8Array(wasm.memory.buffer, at, size);
const view = () => new DataView(wasm.memory.buffer);

function write(fd, bytes) {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
}

function read(size) {
  const bytes = new Uint8Array(size);
  for (let done = 0; done < size; ) {
    const count = readSync(0, bytes, done, size - done);
    if (count === 0) return null;
    done += count;
  }
  return bytes;
}

// What it asks of a system. Of files it has none but stdout and stderr, where it says how far it is.
const system = {
  fd_write(fd, vectors, count, result) {
    let size = 0;
    for (let n = 0; n < count; n++) size += view().getUint32(vectors + 8 * n + 4, true);
    view().setUint32(result, size, true);
    return 0;
  },
  clock_time_get(id, precision, result) {
    view().setBigUint64(result, process.hrtime.bigint(), true);
    return 0;
  },
  environ_sizes_get(count, size) {
    view().setUint32(count, 0, true);
    view().setUint32(size, 0, true);
    return 0;
  },
  environ_get: () => 0,
  emscripten_get_now: () => performance.now(),
  emscripten_date_now: () => Date.now(),
  emscripten_get_heap_max: () => 2 ** 31,
  emscripten_resize_heap(size) {
    wasm.memory.grow(Math.ceil((size - wasm.memory.buffer.byteLength) / 65536));
    return 1;
  },
  emscripten_err: () => {},
  _tzset_js: () => {},
  _abort_js() {
    throw new Error("the trace processor gave up");
  },
};

const module = new WebAssembly.Module(readFileSync(process.argv[2]));
const imports = {};
for (const { module: from, name } of WebAssembly.Module.imports(module)) {
  (imports[from] ??= {})[name] = system[name] ?? (() => ENOSYS);
}
wasm = new WebAssembly.Instance(module, imports).exports;

// It answers by calling a function of its table, and a table holds only functions of WebAssembly:
// (module (import "" "f" (func (param i32 i32))) (export "f" (func 0)))
const wrapper = new WebAssembly.Module(Uint8Array.of(
  0, 97, 115, 109, 1, 0, 0, 0, 1, 6, 1, 96, 2, 127, 127, 0, 2, 6, 1, 0, 1, 102, 0, 0, 7, 5, 1, 1, 102, 0, 0,
));
const answer = (at, size) => write(1, memory(at, size));
const slot = wasm.__indirect_function_table.grow(1);
wasm.__indirect_function_table.set(slot, new WebAssembly.Instance(wrapper, { "": { f: answer } }).exports.f);

wasm.emscripten_stack_init();
wasm.__wasm_call_ctors();
wasm.__main_argc_argv(0, 0);
const buffer = wasm.trace_processor_rpc_init(slot, LARGEST_REQUEST);
for (let head; (head = read(4)); ) {
  const size = new DataView(head.buffer).getUint32(0, true);
  memory(buffer, size).set(read(size));
  wasm.trace_processor_on_rpc_request(size);
}
