"""Drives the scenario with the official Python SDK: drive.py (handshake|stateless) (stdio|http) OUT"""

import asyncio
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import warnings
from contextlib import AsyncExitStack, asynccontextmanager

import httpx2
import mcp_types as types
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.client.subscriptions import ResourcesListChanged, ResourceUpdated
from mcp.shared.exceptions import MCPDeprecationWarning, MCPError

PATIENCE_S = 120
REVISIONS = {"stateless": "2026-07-28", "handshake": "2025-11-25"}
HERE = pathlib.Path(__file__).parent
# The revisions with initialize are spoken on purpose.
warnings.filterwarnings("ignore", category=MCPDeprecationWarning)


class Session:
    """One client's session."""

    def __init__(self, name, era, server, stack):
        self.era, self.stack = era, stack
        self.answers, self.forms = [], []
        self.news, self.listening = asyncio.Queue(), None
        # To name the revision would leave out server/discover.
        mode = "auto" if era == "stateless" else "legacy"
        who = types.Implementation(name=name, version="1.0.0")
        self.client = Client(server, mode=mode, client_info=who, elicitation_callback=self.ask, message_handler=self.hear)
        self.heard = []

    async def ask(self, _context, form):
        self.forms.append(form)
        return types.ElicitResult.model_validate(self.answers.pop(0))

    async def hear(self, message):
        if isinstance(message, types.ResourceUpdatedNotification):
            self.news.put_nowait(str(message.params.uri))
        elif isinstance(message, types.ResourceListChangedNotification):
            self.news.put_nowait("list")

    async def follow(self, uris):
        if self.era == "handshake":
            for uri in uris:
                await self.client.subscribe_resource(uri)
            return
        listen = self.client.listen(resources_list_changed=True, resource_subscriptions=uris)
        held = await self.stack.enter_async_context(listen)
        honored = held.honored
        assert honored.resources_list_changed and list(honored.resource_subscriptions) == uris, honored
        self.listening = asyncio.create_task(self.forward(held))

    async def forward(self, held):
        async for event in held:
            if isinstance(event, ResourceUpdated):
                self.news.put_nowait(str(event.uri))
            elif isinstance(event, ResourcesListChanged):
                self.news.put_nowait("list")

    async def told(self, what):
        async with asyncio.timeout(PATIENCE_S):
            while what not in self.heard:
                self.heard.append(await self.news.get())
        self.heard.remove(what)


class Run:
    """A run of the scenario."""

    def __init__(self):
        self.taken = {}

    def fill(self, step):
        """A step with what earlier answers gave in place of `$name`."""
        if isinstance(step, str):
            return re.sub(r"\$([a-z]+)", lambda found: self.taken.get(found[1], found[0]), step)
        if isinstance(step, list):
            return [self.fill(one) for one in step]
        if isinstance(step, dict):
            return {key: value if key == "take" else self.fill(value) for key, value in step.items()}
        return step

    async def carried_out(self, session, step):
        before = len(session.forms)
        if "answer" in step:
            session.answers.append(step["answer"])
        try:
            text, failed = await done(session, step)
        except MCPError as error:
            text, failed = error.error.message, True
        return text, failed, [form(shown) for shown in session.forms[before:]]

    def check(self, step, text, failed, forms):
        shown = "\n--- it was:\n" + "\n---\n".join([*forms, text])
        assert failed == step.get("fails", False), f"failed is {failed}{shown}"
        for name, pattern in step.get("take", {}).items():
            found = re.search(self.fill(pattern), text)
            assert found, f"there is no {pattern}{shown}"
            self.taken[name] = found[1]
        for part in step.get("expect", []):
            assert self.fill(part) in text, f"there is no {self.fill(part)}{shown}"
        for part in step.get("never", []):
            assert self.fill(part) not in text, f"there is {self.fill(part)}{shown}"
        assert len(forms) == (1 if "form" in step else 0), f"{len(forms)} forms were shown{shown}"
        for part in step.get("form", []):
            assert self.fill(part) in forms[0], f"the form does not show {self.fill(part)}{shown}"


async def done(session, step):
    """Does what a step says: the answer as text, and whether it was a failure."""
    client = session.client
    match step["do"]:
        case "greeting":
            return f"{client.server_info.name}\n{client.instructions}", False
        case "tools":
            tools = (await client.list_tools()).tools
            mark = lambda tool: " (read only)" if tool.annotations and tool.annotations.read_only_hint else ""
            return "\n".join(f"{tool.name}{mark(tool)}: {tool.description}" for tool in tools), False
        case "call":
            result = await client.call_tool(step["tool"], step["args"])
            return result.content[0].text, bool(result.is_error)
        case "resources":
            listed = (await client.list_resources()).resources
            return "\n".join(f"{one.uri} ({one.mime_type}): {one.title}" for one in listed), False
        case "templates":
            listed = (await client.list_resource_templates()).resource_templates
            return "\n".join(f"{one.uri_template}: {one.description}" for one in listed), False
        case "read":
            return (await client.read_resource(step["uri"])).contents[0].text, False
        case "complete":
            given = dict(step["ref"])
            kind = types.PromptReference if given["type"] == "ref/prompt" else types.ResourceTemplateReference
            name, value = step["argument"]
            answer = await client.complete(kind.model_validate(given), {"name": name, "value": value})
            return ", ".join(answer.completion.values), False
        case "prompts":
            prompts = (await client.list_prompts()).prompts
            args = lambda prompt: [one.name + ("" if one.required else "?") for one in prompt.arguments or []]
            return "\n".join(f"{one.name}({', '.join(args(one))}): {one.description}" for one in prompts), False
        case "prompt":
            messages = (await client.get_prompt(step["name"], step["args"])).messages
            return "\n".join(message.content.text for message in messages), False
        case "follow":
            await session.follow(step["uris"])
            return "followed", False
        case "told":
            await session.told(step["uri"])
            return f"updated: {step['uri']}", False
        case "listed":
            await session.told("list")
            return "the list of resources has changed", False
        case other:
            raise ValueError(f"a step does {other}")


def form(shown):
    """What a user sees of a form."""
    choices = shown.requested_schema["properties"]["choice"]["oneOf"]
    return "\n".join([shown.message, *(f"  [{one['const']}] {one['title']}" for one in choices)])


def place():
    """A new context called `team` whose owner is ana."""
    wattle, folder = os.environ["WATTLE"], tempfile.mkdtemp(prefix="wattle-clients-")
    project = os.path.join(folder, "project")
    os.mkdir(project)
    env = {"PATH": os.environ["PATH"], "HOME": folder, "WATTLE_CONFIG_DIR": os.path.join(folder, "config")}
    init = [wattle, "init", "team", "--as", "ana"]
    subprocess.run(init, cwd=project, env=env, check=True, stdout=subprocess.DEVNULL)
    return wattle, folder, project, env


@asynccontextmanager
async def reached(way, wattle, project, env):
    """What gives a client its server: a process for each, or one address for all."""
    if way == "stdio":
        yield lambda: StdioServerParameters(command=wattle, args=["mcp"], cwd=project, env=env)
        return
    up = [wattle, "up", "--listen", "127.0.0.1:0", "--json"]
    process = await asyncio.create_subprocess_exec(*up, cwd=project, env=env, stdout=asyncio.subprocess.PIPE)
    url = json.loads(await process.stdout.readline())["mcp"]
    # It goes on to print changes.
    read = asyncio.create_task(process.stdout.read())

    def client():
        add = [wattle, "mcp", "token", "add"]
        token = subprocess.run(add, cwd=project, env=env, check=True, capture_output=True, text=True).stdout.strip()
        return httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=httpx2.Timeout(30, read=300))

    yield lambda: streamable_http_client(url, http_client=client())
    process.terminate()
    await process.wait()
    await read


async def main(era, way, out):
    steps = json.loads((HERE / "scenario.json").read_text())
    wattle, folder, project, env = place()
    run, told = Run(), []
    try:
        async with AsyncExitStack() as stack:
            server = await stack.enter_async_context(reached(way, wattle, project, env))
            sessions = {}
            for who in ["planner", "coder"]:
                sessions[who] = Session(who, era, server(), stack)
                await stack.enter_async_context(sessions[who].client)
                spoken = sessions[who].client.protocol_version
                assert spoken == REVISIONS[era], spoken
            for step in steps:
                try:
                    text, failed, forms = await run.carried_out(sessions[step["who"]], run.fill(step))
                    run.check(step, text, failed, forms)
                except Exception as error:
                    print(f"python {era} {way}, step {len(told) + 1}, {step['say']}: {error!r}", file=sys.stderr)
                    raise
                told.append({**step, "text": text, "forms": forms})
            for session in sessions.values():
                if session.listening:
                    session.listening.cancel()
        pathlib.Path(out).write_text(json.dumps({"taken": run.taken, "told": told}))
        print(f"python {era} {way}: {len(told)} steps")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


asyncio.run(main(*sys.argv[1:4]))
