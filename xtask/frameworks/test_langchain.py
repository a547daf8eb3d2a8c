"""Runs the LangChain recipe with a scripted model."""

import asyncio

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult

import recipe_langchain
from script import TASK, next_step


class ScriptedModel(BaseChatModel):
    offered: list = []

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools, **_):
        self.offered = [tool.name for tool in tools]
        return self

    def _generate(self, messages, stop=None, run_manager=None, **_):
        step = next_step([message.text for message in messages if isinstance(message, ToolMessage)])
        if isinstance(step, str):
            message = AIMessage(content=step)
        else:
            name, arguments = step
            assert name in self.offered, self.offered
            message = AIMessage(
                content="", tool_calls=[{"name": name, "args": arguments, "id": f"call-{len(messages)}"}]
            )
        return ChatResult(generations=[ChatGeneration(message=message)])


print(asyncio.run(recipe_langchain.run(ScriptedModel(), TASK)))
