"""langchain-openai's model on a shorter way to the endpoint."""

from typing import Any

import httpx2
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatResult
from langchain_core.runnables.config import ensure_config
from langchain_openai import ChatOpenAI
from langsmith.utils import tracing_is_enabled

Options = dict[str, Any]


class DirectChat(ChatOpenAI):
    """A whole chat completion goes out as it stands and comes back as plain JSON.

    The SDK still sends it, repeats it and tells its errors. What is left out is the SDK's rewriting of each
    request and modelling of each reply, and a thread to read it in, together a third of a call's cost.
    Streams and the Responses protocol take langchain-openai's own way.
    """

    async def reply(self, messages: list[BaseMessage], options: Options) -> BaseMessage:
        """The model's message. LangChain's reports about a call are prepared only if somebody hears them."""
        if _is_listened_to() or self._use_responses_api(options):
            return await self.ainvoke(messages, **options)
        result = await self._agenerate(messages, **options)
        generation = result.generations[0]
        about = {**(result.llm_output or {}), **(generation.generation_info or {})}
        return generation.message.model_copy(update={"response_metadata": about})

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **options: Any,  # noqa: ANN401 - as in the base class
    ) -> ChatResult:
        payload = self._get_request_payload(messages, stop=stop, **options)
        if self._use_responses_api(payload):
            return await super()._agenerate(messages, stop, run_manager, **options)
        payload |= payload.pop("extra_body", None) or {}
        payload.pop("stream", None)
        response = await self.root_async_client.post(
            "/chat/completions", cast_to=httpx2.Response, body=payload
        )
        reply = response.json()
        result = self._create_chat_result(reply)
        refusal = reply["choices"][0]["message"].get("refusal")
        if refusal:
            result.generations[0].message.additional_kwargs["refusal"] = refusal
        return result


def _is_listened_to() -> bool:
    """Whether a tracer, or Studio, wants to hear of what is called here."""
    callbacks = ensure_config().get("callbacks")
    return bool(callbacks if isinstance(callbacks, list | None) else callbacks.handlers) or bool(
        tracing_is_enabled()
    )
