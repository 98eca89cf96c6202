"""`docs/api.md` and `docs/api.zh-CN.md`: written by hand at their head, made from the table below.

A member's description is "Chinese / English"; where it has none, its name says enough.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from services.cloudpay.envelope import Envelope
from services.cloudpay.methods import Method
from services.cloudpay.openapi import GROUPS, KEYS, document
from services.cloudpay.table import TABLE

FILES: Final = {"en": "api.md", "zh": "api.zh-CN.md"}
HEADS: Final = {"en": "api/head.en.txt", "zh": "api/head.zh.txt"}
_LANGUAGES: Final = {"zh": 0, "en": 1}
_WORDS: Final = {
    "en": {
        "methods": "Methods",
        "objects": "Objects",
        "member": "member",
        "kind": "type",
        "must": "required",
        "note": "note",
        "yes": "yes",
        "asked": "Request content",
        "told": "Result",
        "key": "Signed with {key}.",
        "brief": "Brief envelope (`r`, `a`).",
        "once": "Done once per `{number}`: the same request again gets the same reply.",
        "signed": "Takes an RSA signature (`authen_info.s`) in place of a code.",
        "also": "The result also stands under",
        "nothing": "No members.",
        "stop": ".",
        "gap": " ",
        "colon": ":",
    },
    "zh": {
        "methods": "接口",
        "objects": "公共结构",
        "member": "成员",
        "kind": "类型",
        "must": "必填",
        "note": "说明",
        "yes": "是",
        "asked": "请求内容",
        "told": "返回结果",
        "key": "签名密钥：{key}。",
        "brief": "精简信封（`r`、`a`）。",
        "once": "同一个 `{number}` 只处理一次：原样重发得到原样的应答。",
        "signed": "也可以用 RSA 签名（`authen_info.s`）代替 authen_code。",
        "also": "结果同时出现在",
        "nothing": "没有成员。",
        "stop": "。",
        "gap": "",
        "colon": "：",
    },
}


def pages(docs: Path) -> dict[Path, str]:
    """Every made file with its text; `docs` has the hand-written heads."""
    return {
        docs / name: (docs / HEADS[language]).read_text("utf-8") + "\n" + _made(language)
        for language, name in FILES.items()
    }


def _made(language: str) -> str:
    words, schemas = _WORDS[language], document()["components"]["schemas"]
    lines = [f"## {words['methods']}", ""]
    for group, titles in GROUPS.items():
        its = [method for method in TABLE.values() if method.group == group]
        if its:
            lines += [f"### {titles[_LANGUAGES[language]]}", ""]
        for method in its:
            lines += _method(method, language, schemas)
    lines += [f"## {words['objects']}", ""]
    for name in _objects(schemas):
        lines += [f"### {name}", "", *_table(schemas[name], language), ""]
    return "\n".join(lines).rstrip() + "\n"


def _method(method: Method, language: str, schemas: dict[str, Any]) -> Iterable[str]:
    words, at = _WORDS[language], _LANGUAGES[language]
    summary = method.summary[at].rstrip(".。") + words["stop"]
    facts = [summary, words["key"].format(key=KEYS[method.key][at])]
    if method.envelope is Envelope.BRIEF:
        facts.append(words["brief"])
    if method.once:
        facts.append(words["once"].format(number=method.once.number))
    if method.takes_signature:
        facts.append(words["signed"])
    yield from (
        f"#### {method.name}",
        "",
        f"`POST /cpay/{method.name}`",
        "",
        words["gap"].join(facts),
        "",
    )
    yield from (words["asked"] + words["colon"], "")
    yield from _table(schemas[method.asked.__name__], language)
    yield ""
    if method.result is not None and method.told is not None:
        also = (
            f" ({words['also']} {', '.join(f'`{n}`' for n in method.also)})" if method.also else ""
        )
        yield from (f"{words['told']} `{method.result}`{also}{words['colon']}", "")
        yield from _table(schemas[method.told.__name__], language)
        yield ""


def _table(schema: dict[str, Any], language: str) -> list[str]:
    words = _WORDS[language]
    members = schema.get("properties", {})
    if not members:
        return [words["nothing"]]
    must = set(schema.get("required", ()))
    lines = [f"| {words['member']} | {words['kind']} | {words['must']} | {words['note']} |"]
    lines.append("|---|---|---|---|")
    for name, member in members.items():
        yes = words["yes"] if name in must else ""
        lines.append(f"| `{name}` | {_kind(member)} | {yes} | {_note(member, language)} |")
    return lines


def _kind(member: dict[str, Any]) -> str:
    if "$ref" in member:
        name = member["$ref"].rsplit("/", 1)[1]
        return f"[{name}](#{name.lower()})"
    if "allOf" in member:
        return _kind(member["allOf"][0])
    if "anyOf" in member:
        return " / ".join(_kind(one) for one in member["anyOf"])
    kind = member.get("type", "any")
    if kind == "array":
        return f"{_kind(member.get('items', {}))}[]"
    if kind == "string" and "maxLength" in member:
        return f"string({member['maxLength']})"
    if kind == "integer" and member.get("maximum", 2**31) < 2**31 - 1:
        return f"integer {member.get('minimum', 0)}–{member['maximum']}"
    return str(kind)


def _note(member: dict[str, Any], language: str) -> str:
    said = member.get("description", "")
    both = said.split(" / ")
    said = both[_LANGUAGES[language]] if len(both) == 2 else said
    return re.sub(r"\s+", " ", said).replace("|", "\\|")


def _objects(schemas: dict[str, Any]) -> list[str]:
    """Objects that stand inside others, in the order of their first use."""
    tops = [m.asked.__name__ for m in TABLE.values()]
    tops += [m.told.__name__ for m in TABLE.values() if m.told is not None]
    found: list[str] = []
    waiting = list(tops)
    while waiting:
        for name in _named_in(schemas[waiting.pop(0)]):
            if name not in found:
                found.append(name)
                waiting.append(name)
    return [name for name in found if name not in tops or name in found]


def _named_in(schema: Any) -> list[str]:
    if isinstance(schema, list):
        return [name for item in schema for name in _named_in(item)]
    if not isinstance(schema, dict):
        return []
    own = [schema["$ref"].rsplit("/", 1)[1]] if isinstance(schema.get("$ref"), str) else []
    return own + [name for value in schema.values() for name in _named_in(value)]
