"""The server: tools, resources and prompts, by the official SDK; over stdin and stdout, or on the loopback."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote

from recorder import errors, loopback
from recorder.mcp import answer, recording, sdk
from recorder.mcp.allowed import Allowed
from recorder.mcp.answer import Gathering
from recorder.mcp.asking import ask
from recorder.mcp.prompts import BY_NAME as PROMPTS
from recorder.mcp.prompts import HUNTS
from recorder.mcp.tools import (
    BUDGET,
    BY_NAME,
    MOST_BUDGET,
    TEXT,
    TOOLS,
    Tool,
    budget_of,
    check_names,
    input_schema,
    seconds_of,
    words,
)
from recorder.trace.paths import base_name
from recorder.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Scope = dict[str, Any]
    App = Callable[[Scope, Any, Any], Awaitable[None]]

TRACE: Final = "recorder://trace/"
SOURCE: Final = "recorder://source/"
INSTRUCTIONS: Final = (
    "Recordings of Python programs: every call, line, value, exception and output. Begin with `overview`, go on with "
    "what `next` suggests. #N is the number of an event in every answer; `recorder show TRACE --at N` opens it."
)
TRACES: Final = "traces"


class Asked:
    """What clients ask, of the traces that they may read."""

    def __init__(self, allowed: Allowed, *, may_record: bool) -> None:
        self.allowed = allowed
        self.may_record = may_record

    async def tool(self, name: str, given: dict[str, Any], report_progress: Any) -> dict[str, Any]:
        """The answer of a tool; what is wrong with the question is in it."""
        try:
            if name == TRACES:
                return self.traces(given)
            if name == recording.NAME and self.may_record:
                return await self.record(given)
            if name not in BY_NAME:
                raise errors.InvalidArgumentError(
                    argument="tool", value=name[:80], expected="a tool of the list"
                )
            return await self.command(BY_NAME[name], given, report_progress)
        except errors.RecorderUsageError as exc:
            return _failed(exc)

    async def command(
        self, tool: Tool, given: dict[str, Any], report_progress: Any
    ) -> dict[str, Any]:
        budget, seconds = budget_of(given), seconds_of(given)
        trace = self.allowed.trace(given.get("trace"))
        asked = words(tool, given, self.allowed, trace)
        if tool.command == "explain":
            asked.insert(1, f"--budget={max(int(budget * PAGE), LEAST)}")
        if tool.command in CUT_BY_LINES and not given.keys() & {"limit", "last"}:
            asked.insert(1, f"--limit={MOST_ANSWERS}")
        gathering = Gathering(tool, given.get("form", TEXT), budget, given)
        notes, error, status = await ask(asked, gathering, report_progress, seconds)
        found = gathering.result(notes, error, trace, status)
        if (named := given.get("trace")) is not None:  # as the client names it
            for one in found["next"]:
                one["arguments"] = {"trace": named, **one["arguments"]}
        return answer.fitted(found, budget)

    def traces(self, given: dict[str, Any]) -> dict[str, Any]:
        check_names(given, ["budget"])
        budget = budget_of(given)
        gathering = Gathering(Tool(TRACES, TRACES, ""), TEXT, budget)
        for path in self.allowed.traces():
            gathering.take(path)
        for path in self.allowed.unfinished():
            gathering.take(f"{path}  (being written, or left behind: recorder recover)")
        return gathering.result([], None, "")

    async def record(self, given: dict[str, Any]) -> dict[str, Any]:
        path, lines = await recording.record(given, self.allowed)
        gathering = Gathering(Tool(recording.NAME, recording.NAME, ""), TEXT, BUDGET)
        for line in [f"trace: {path}" if path else "no trace was made", *lines]:
            gathering.take(line)
        found = gathering.result([], None, "")
        if path:
            found["next"] = [
                {
                    "tool": "overview",
                    "arguments": {"trace": path},
                    "reason": "what ran, what failed",
                }
            ]
        else:
            found["status"] = "failed"
        return found

    async def resource(self, uri: str, report_progress: Any) -> str:
        """Of a trace what it is; of a source its text with how often each line ran. Raises what is wrong."""
        if uri.startswith(TRACE):
            trace = self.allowed.trace(unquote(uri.removeprefix(TRACE)), "uri")
            asked = ["info", "--", trace]
        elif uri.startswith(SOURCE) and "/" in uri.removeprefix(SOURCE):
            first, _, file = uri.removeprefix(SOURCE).partition("/")
            asked = ["source", "--", self.allowed.trace(unquote(first), "uri"), unquote(file)]
        else:
            raise errors.InvalidArgumentError(
                argument="uri", value=uri[:80], expected=f"{TRACE}… or {SOURCE}…"
            )
        gathering = Gathering(BY_NAME["source"], TEXT, MOST_BUDGET)
        notes, error, _ = await ask(asked, gathering, report_progress)
        return answer.as_text(gathering.result(notes, error, asked[2]))


PAGE: Final = 0.6  # of the budget: as JSON, and with what is beside it, a page takes more room
LEAST: Final = 200
MOST_ANSWERS: Final = 7_000  # which no budget holds
CUT_BY_LINES: Final = ("calls", "find", "watch", "exceptions", "source", "diff")


def _failed(exc: errors.RecorderError) -> dict[str, Any]:
    notes = [str(exc), *([exc.hint] if exc.hint else [])]
    return {
        "status": "failed",
        "lines": [],
        "rows": [],
        "left_out": None,
        "notes": notes,
        "next": [],
    }


def make(allowed: Allowed, *, may_record: bool) -> Any:
    """The SDK's server. Raises DEPENDENCY_MISSING."""
    lowlevel = sdk.load("mcp.server.lowlevel")
    types = sdk.load("mcp_types")
    asked = Asked(allowed, may_record=may_record)

    async def list_tools(_context: Any, _params: Any) -> Any:
        return types.ListToolsResult(tools=[types.Tool(**one) for one in _tools(types, may_record)])

    async def call_tool(context: Any, params: Any) -> Any:
        found = await asked.tool(params.name, params.arguments or {}, _progress_reporter(context))
        return types.CallToolResult(
            content=[types.TextContent(type="text", text=answer.as_text(found))],
            structured_content=found,
            is_error=found["status"] == "failed",
        )

    async def list_resources(_context: Any, _params: Any) -> Any:
        found = [
            types.Resource(
                uri=TRACE + quote(path, safe=""),
                name=base_name(path),
                mime_type="text/plain",
            )
            for path in allowed.traces()
        ]
        return types.ListResourcesResult(resources=found)

    async def list_templates(_context: Any, _params: Any) -> Any:
        templates = [
            types.ResourceTemplate(uri_template=f"{TRACE}{{trace}}", name="trace", description="what a trace is"),
            types.ResourceTemplate(
                uri_template=f"{SOURCE}{{trace}}/{{file}}", name="source",
                description="the text of a file as it ran, and how often each line did",
            ),
        ]  # fmt: skip
        return types.ListResourceTemplatesResult(resource_templates=templates)

    async def read_resource(context: Any, params: Any) -> Any:
        try:
            text = await asked.resource(str(params.uri), _progress_reporter(context))
        except errors.RecorderUsageError as exc:
            raise _refusal(types, exc) from exc
        contents = types.TextResourceContents(uri=params.uri, text=text, mime_type="text/plain")
        return types.ReadResourceResult(contents=[contents])

    async def list_prompts(_context: Any, _params: Any) -> Any:
        prompts = [
            types.Prompt(
                name=hunt.name, description=hunt.description,
                arguments=[types.PromptArgument(name=n, description=d, required=False) for n, d in hunt.arguments],
            )
            for hunt in HUNTS
        ]  # fmt: skip
        return types.ListPromptsResult(prompts=prompts)

    async def get_prompt(_context: Any, params: Any) -> Any:
        hunt = PROMPTS.get(params.name)
        if hunt is None:
            wrong = errors.InvalidArgumentError(
                argument="name", value=params.name[:80], expected="a prompt of the list"
            )
            raise _refusal(types, wrong)
        given = {
            name: (params.arguments or {}).get(name) or f"({text})" for name, text in hunt.arguments
        }
        content = types.TextContent(type="text", text=hunt.text.format(**given))
        return types.GetPromptResult(
            description=hunt.description,
            messages=[types.PromptMessage(role="user", content=content)],
        )

    return lowlevel.Server(
        "recorder", version=VERSION, instructions=INSTRUCTIONS,
        on_list_tools=list_tools, on_call_tool=call_tool,
        on_list_resources=list_resources, on_list_resource_templates=list_templates,
        on_read_resource=read_resource, on_list_prompts=list_prompts, on_get_prompt=get_prompt,
    )  # fmt: skip


def _tools(types: Any, may_record: bool) -> list[dict[str, Any]]:
    schema = answer.output_schema()
    reading = types.ToolAnnotations(read_only_hint=True, open_world_hint=False)
    budget = input_schema(Tool(TRACES, TRACES, ""))["properties"]["budget"]
    listing = {"type": "object", "properties": {"budget": budget}, "additionalProperties": False}
    found: list[dict[str, Any]] = [
        {
            "name": TRACES, "description": "Which traces may be read.", "input_schema": listing,
            "output_schema": schema, "annotations": reading,
        }
    ]  # fmt: skip
    for tool in TOOLS:
        found.append(
            {
                "name": tool.name, "description": tool.description, "input_schema": input_schema(tool),
                "output_schema": schema, "annotations": reading,
            }
        )  # fmt: skip
    if may_record:
        found.append(
            {
                "name": recording.NAME, "description": recording.DESCRIPTION,
                "input_schema": recording.INPUT, "output_schema": schema,
                "annotations": types.ToolAnnotations(read_only_hint=False, destructive_hint=True),
            }
        )  # fmt: skip
    return found


def _progress_reporter(context: Any) -> Callable[[float, str], Awaitable[None]]:
    async def report_progress(elapsed: float, message: str) -> None:
        await context.session.report_progress(elapsed, None, message)

    return report_progress


def _refusal(types: Any, exc: errors.RecorderError) -> Exception:
    """As an error of the protocol, which has no other way to say it."""
    shared = sdk.load("mcp.shared.exceptions")
    refusal: Exception = shared.MCPError(code=types.INVALID_PARAMS, message=str(exc))
    return refusal


# ---- transports ---------------------------------------------------------------------------------


def serve_stdio(server: Any) -> None:
    """Until the client closes our stdin."""
    anyio = sdk.load("anyio")
    stdio = sdk.load("mcp.server.stdio")

    async def serve() -> None:
        async with stdio.stdio_server() as (reading, writing):
            await server.run(reading, writing, server.create_initialization_options())

    anyio.run(serve)


def http_app(server: Any, token: str) -> App:
    """What answers on the loopback, to who knows the token. A name that leads here by a trick (DNS rebinding) is
    refused by the SDK."""
    inner = server.streamable_http_app(host=loopback.ADDRESS)

    async def app(scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or _knows(scope, token):
            await inner(scope, receive, send)
            return
        headers = [(b"www-authenticate", b"Bearer"), (b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 401, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    return app


def _knows(scope: Scope, token: str) -> bool:
    given = [value for name, value in scope["headers"] if name.lower() == b"authorization"]
    return len(given) == 1 and hmac.compare_digest(given[0], b"Bearer " + token.encode())


def serve_http(server: Any, port: int, token: str, listening: Callable[[str], None]) -> None:
    """Until it is interrupted. `listening` is told the address. Raises what keeps the port from being opened."""
    uvicorn = sdk.load("uvicorn")
    with loopback.listen(port) as taken:
        listening(loopback.address_of(taken))
        config = uvicorn.Config(http_app(server, token), log_level="warning", lifespan="on")
        uvicorn.Server(config).run(sockets=[taken])
