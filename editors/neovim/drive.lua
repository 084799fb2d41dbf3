-- Drives `recorder dap` by nvim-dap, in a Neovim without a screen:
--
--   nvim --headless --clean --cmd "set rtp+=PATH_OF_NVIM_DAP" -l drive.lua PYTHON FOLDER
--
-- PYTHON has the recorder installed; FOLDER is for the program and its trace. What does not hold ends it with a status of 1.

local python, folder = arg[1], arg[2]
local program = folder .. "/shop.py"
vim.fn.writefile({
  "def total(prices):",
  "    t = 0",
  "    for price in prices:",
  "        t += price",
  "    return t",
  "",
  "print(total([1, 2, 3]))",
}, program)

local dap = require("dap")
dap.adapters.recorder = { type = "executable", command = python, args = { "-m", "recorder", "dap" } }
local stops = 0
dap.listeners.after.event_stopped["drive"] = function() stops = stops + 1 end

local function wait_for(what, is_so)
  if not vim.wait(60000, is_so, 20) then
    io.stderr:write("in vain: " .. what .. "\n")
    vim.cmd("cquit 1")
  end
end

local function frame() return dap.session() and dap.session().current_frame end

local function moves(act, line, what)
  local before, last = stops, frame() and frame().id
  act()
  wait_for(what, function()
    local now = frame()
    return stops > before and now ~= nil and now.id ~= last and now.line == line and dap.session().stopped_thread_id ~= nil
  end)
end

local function value(expression)
  local result
  dap.session():evaluate(expression, function(failed, answer) result = failed and tostring(failed) or answer.result end)
  wait_for(expression, function() return result ~= nil end)
  return result
end

vim.cmd.edit(program)
vim.api.nvim_win_set_cursor(0, { 4, 0 })
dap.set_breakpoint("price > 1")
moves(function()
  dap.run({ type = "recorder", request = "launch", name = "Record this file", program = program, cwd = folder })
end, 1, "the first line")
moves(dap.continue, 4, "the breakpoint, whose condition holds")
assert(value("price") == "2" and value("t") == "1")
moves(dap.continue, 4, "the breakpoint again")
assert(value("price") == "3")
moves(dap.step_over, 3, "a step")
moves(dap.step_back, 4, "a step back")
moves(dap.reverse_continue, 4, "the breakpoint before")
assert(value("price") == "2")
dap.clear_breakpoints()
moves(dap.step_out, 7, "out of the call")
dap.disconnect()
wait_for("the end", function() return dap.session() == nil end)
io.stdout:write("all of it holds\n")
vim.cmd("qall!")
