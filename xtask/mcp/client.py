"""The official Python SDK as a client: client.py CALLS (http URL | stdio COMMAND)"""

import asyncio
import json
import os
import sys

from mcp import Client, MCPError, StdioServerParameters


async def main() -> None:
    calls, way, target = sys.argv[1:]
    server = target if way == "http" else StdioServerParameters(
        command=target, args=["--allow", "publish,webhooks"], env=dict(os.environ)
    )
    async with Client(server) as client:
        tools = (await client.list_tools()).tools
        assert len(tools) == 31, len(tools)
        with open(calls, encoding="utf-8") as file:
            rows = json.load(file)
        for row in rows:
            result = await client.call_tool(row["tool"], row["arguments"])
            text = result.content[0].text
            assert bool(result.is_error) == ("category" in row), f"{row['tool']}: {text}"
            assert json.loads(text).get("category") == row.get("category"), f"{row['tool']}: {text}"
        try:
            await client.call_tool("vimeo_no_such_tool", {})
        except MCPError as error:
            assert error.code == -32602, error
        else:
            raise AssertionError("an unknown tool is an error")
        templates = (await client.list_resource_templates()).resource_templates
        assert len(templates) == 3, templates
        print(f"ok python {way}: 31 tools, protocol {client.protocol_version}")


asyncio.run(main())
