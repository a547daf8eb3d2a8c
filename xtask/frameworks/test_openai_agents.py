"""Runs the recipe for the OpenAI Agents SDK with a scripted model."""

import asyncio
import json

from agents import Model, ModelResponse, Usage, set_tracing_disabled
from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText

import recipe_openai_agents
from script import TASK, next_step


def text_of(output) -> str:
    """The text of a tool's answer: a string, one text item, or a list of text items."""
    if isinstance(output, str):
        try:
            decoded = json.loads(output)
        except ValueError:
            return output
        return text_of([decoded]) if isinstance(decoded, dict) and decoded.get("type") == "text" else output
    if isinstance(output, dict):
        output = [output]
    return "".join(item["text"] for item in output)


class ScriptedModel(Model):
    async def get_response(self, system_instructions, input, model_settings, tools, *_, **__):
        items = [] if isinstance(input, str) else input
        answers = [text_of(item["output"]) for item in items if item.get("type") == "function_call_output"]
        step = next_step(answers)
        if isinstance(step, str):
            text = ResponseOutputText(text=step, type="output_text", annotations=[])
            output = ResponseOutputMessage(
                id="message", content=[text], role="assistant", status="completed", type="message"
            )
        else:
            name, arguments = step
            assert name in [tool.name for tool in tools], tools
            output = ResponseFunctionToolCall(
                arguments=json.dumps(arguments), call_id=f"call-{len(answers)}", name=name, type="function_call"
            )
        return ModelResponse(output=[output], usage=Usage(), response_id=None)

    def stream_response(self, *_, **__):
        raise NotImplementedError("the recipe does not stream")


set_tracing_disabled(True)
print(asyncio.run(recipe_openai_agents.run(ScriptedModel(), TASK)))
