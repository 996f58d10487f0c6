"""Whole replies for the wire server, the same in each protocol."""

from __future__ import annotations

import json

from wire_server import Answer, respond, sse, typed

PATHS = {
    "conversations": "/responses",
    "responses": "/responses",
    "chat": "/chat/completions",
    "anthropic": "/messages",
}
USAGE = {"input_tokens": 5, "output_tokens": 7, "total_tokens": 12}


def says(road, text, **usage):
    """Return a reply of text; `input_tokens` and `cost` are what the server counts."""
    match PATHS[road]:
        case "/responses":
            return Answer(respond(text, usage={**USAGE, **usage}))
        case "/chat/completions":
            pieces = [{"delta": {"content": f"{word} "}} for word in text.split()]
            counts = {"prompt_tokens" if name == "input_tokens" else name: value for name, value in usage.items()}
            return Answer([*map(_chunk, pieces), *_end("stop", counts)])
    words = [{"type": "text_delta", "text": f"{word} "} for word in text.split()]
    return _claude([_block(0, {"type": "text", "text": ""}, words)], "end_turn", usage)


def calls(road, *asked, thought=None):
    """Return a reply that asks for tools: (id, name, arguments or the text that came instead)."""
    texts = [(call_id, name, a if isinstance(a, str) else json.dumps(a)) for call_id, name, a in asked]
    match PATHS[road]:
        case "/responses":
            items = [
                {
                    "type": "function_call",
                    "id": f"fc_{i}",
                    "call_id": i,
                    "name": n,
                    "arguments": a,
                    "status": "completed",
                }
                for i, n, a in texts
            ]
            if thought:
                items.insert(0, {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": thought})
            about = {"id": "resp_1", "object": "response", "created_at": 1, "model": "wire-model"}
            done = [
                {"type": "response.output_item.done", "output_index": i, "item": item} for i, item in enumerate(items)
            ]
            end = {**about, "status": "completed", "output": items, "usage": USAGE}
            return Answer(typed(*done, {"type": "response.completed", "response": end}))
        case "/chat/completions":
            pieces = [
                {"index": n, "id": i, "type": "function", "function": {"name": name, "arguments": a}}
                for n, (i, name, a) in enumerate(texts)
            ]
            return Answer([_chunk({"delta": {"tool_calls": [piece]}}) for piece in pieces] + _end("tool_calls", {}))
    blocks = [
        _block(
            n,
            {"type": "tool_use", "id": i, "name": name, "input": {}},
            [{"type": "input_json_delta", "partial_json": a}],
        )
        for n, (i, name, a) in enumerate(texts)
    ]
    return _claude(blocks, "tool_use", {})


def _chunk(choice, **more):
    about = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "wire-model"}
    return sse({**about, "choices": [{"index": 0, "finish_reason": None, **choice}], **more})


def _end(reason, usage):
    counts = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12, **usage}
    return [_chunk({"delta": {}, "finish_reason": reason}, usage=counts), sse("[DONE]")]


def _block(index, start, deltas):
    return [
        {"type": "content_block_start", "index": index, "content_block": start},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def _claude(blocks, stop, usage):
    about = {"id": "msg", "type": "message", "role": "assistant", "content": [], "model": "wire-model"}
    counted = {"input_tokens": 5, "output_tokens": 1, **usage}
    return Answer(
        typed(
            {
                "type": "message_start",
                "message": {**about, "stop_reason": None, "stop_sequence": None, "usage": counted},
            },
            *(event for block in blocks for event in block),
            {
                "type": "message_delta",
                "delta": {"stop_reason": stop, "stop_sequence": None},
                "usage": {"output_tokens": 7},
            },
            {"type": "message_stop"},
        )
    )
