// Runs the recipe for the Vercel AI SDK with a scripted model.
import assert from "node:assert/strict";
import { MockLanguageModelV4 as ScriptedModel } from "ai/test";
import { run } from "./recipe-ai-sdk.mjs";
import { TASK, nextStep } from "./script.mjs";

const textOf = (output) =>
  output.type === "text" ? output.value
  : output.type === "json" ? output.value.content.map((item) => item.text).join("")
  : output.value.map((item) => item.text).join("");

const model = new ScriptedModel({
  async doGenerate({ prompt, tools }) {
    const answers = prompt
      .filter((message) => message.role === "tool")
      .flatMap((message) => message.content.map((part) => textOf(part.output)));
    const step = nextStep(answers);
    const usage = { inputTokens: { total: 1 }, outputTokens: { total: 1 } };
    if (typeof step === "string") {
      return { content: [{ type: "text", text: step }], finishReason: { unified: "stop" }, usage, warnings: [] };
    }
    const [toolName, input] = step;
    assert(tools.some((tool) => tool.name === toolName), JSON.stringify(tools));
    const call = { type: "tool-call", toolCallId: `call-${answers.length}`, toolName, input: JSON.stringify(input) };
    return { content: [call], finishReason: { unified: "tool-calls" }, usage, warnings: [] };
  },
});

console.log(await run(model, TASK));
