"""Requests drawn from the OpenAPI description: as it stands, and what stands inside the string.

A content string is opaque to a generator of JSON, so a second description is made of the same
document in which the body is the content itself; what is drawn from it is signed and wrapped.
"""

from __future__ import annotations

import copy
from typing import Any

import schemathesis
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core.result import Ok


def _content_schema(body: dict[str, Any]) -> dict[str, Any]:
    properties = body["properties"]
    inner = properties.get("request_content") or properties["r"]
    found: dict[str, Any] = inner["contentSchema"]
    return found


def inside(document: dict[str, Any]) -> dict[str, Any]:
    """The same operations, each body the content that its string would hold."""
    made = copy.deepcopy(document)
    for item in made["paths"].values():
        for operation in item.values():
            media = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if media is not None and "properties" in media["schema"]:
                media["schema"] = _content_schema(media["schema"])
    return made


def strategies(
    document: dict[str, Any], mode: GenerationMode = GenerationMode.POSITIVE
) -> dict[str, st.SearchStrategy[Any]]:
    """Bodies by operation."""
    schema = schemathesis.openapi.from_dict(document)
    found = {}
    for result in schema.get_all_operations():
        assert isinstance(result, Ok)
        operation = result.ok()
        if operation.method.upper() == "POST":
            found[operation.definition.raw["operationId"]] = operation.as_strategy(
                generation_mode=mode
            ).map(lambda case: case.body)
    return found
