// The official TypeScript SDK as a client: node client.mjs CALLS (http URL | stdio COMMAND)
import { readFileSync } from "node:fs";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

process.on("uncaughtException", (error) => {
  // The server's output goes to standard error.
  console.log(`typescript: ${error.message}`);
  process.exit(1);
});
const [calls, way, target] = process.argv.slice(2);
const check = (truth, what) => {
  if (!truth) throw new Error(what);
};
const transport =
  way === "http"
    ? new StreamableHTTPClientTransport(new URL(target))
    : new StdioClientTransport({ command: target, args: ["--allow", "publish,webhooks"], env: { ...process.env } });
const client = new Client({ name: "typescript", version: "1" });
await client.connect(transport);
check(client.getServerVersion().name === "vimeo", "the server says its name");
const { tools } = await client.listTools();
check(tools.length === 31, `${tools.length} tools`);
for (const { tool, arguments: given, category } of JSON.parse(readFileSync(calls, "utf8"))) {
  // If the list has output schemas, the client checks the result against them.
  const result = await client.callTool({ name: tool, arguments: given });
  const said = JSON.parse(result.content[0].text);
  check(Boolean(result.isError) === Boolean(category), `${tool}: ${result.content[0].text}`);
  check(!category || said.category === category, `${tool}: ${result.content[0].text}`);
}
await client.callTool({ name: "vimeo_no_such_tool", arguments: {} }).then(
  () => check(false, "an unknown tool is an error"),
  (error) => check(error.code === -32602, `${error}`),
);
const { resourceTemplates } = await client.listResourceTemplates();
check(resourceTemplates.length === 3, `${resourceTemplates.length} kinds of resources`);
await client.close();
console.log(`ok typescript ${way}: 31 tools`);
