"""What is not strict JSON is a 400 with a code, whatever the parser underneath thinks of it."""

import json
import math
from typing import Any

import pytest
from askmesh_kit.errors import InvalidRequest
from askmesh_kit.json_body import parse_json
from hypothesis import assume, example, given
from hypothesis import strategies as st

DEPTH = 64

BAD = {
    "NaN": b'{"name": NaN}',
    "infinity": b'{"name": "x", "size": Infinity}',
    "minus infinity": b'{"name": "x", "size": -Infinity}',
    "overflow": b'{"name": "x", "size": 1e999}',
    "overflow, negative": b'{"name": "x", "size": -1e999}',
    "overflow, many digits and a small exponent": b'{"name": "x", "size": 1' + b"0" * 250 + b"e99}",
    "overflow, digits alone": b'{"name": "x", "size": ' + b"9" * 400 + b".5}",
    "more digits than an integer may have": b'{"name": "x", "size": ' + b"9" * 5000 + b"}",
    "lone high surrogate": b'{"name": "\\ud800"}',
    "lone low surrogate": b'{"name": "\\udc00 x"}',
    "escaped NUL": b'{"name": "a\\u0000b"}',
    "raw NUL": b'{"name": "a\x00b"}',
    "NUL in a key": b'{"name": "x", "a\\u0000b": 1}',
    "900 arrays deep": b'{"name": ' + b"[" * 900 + b"]" * 900 + b"}",
    "900 objects deep": b'{"name": ' + b'{"a":' * 900 + b"1" + b"}" * 900 + b"}",
    "just too deep": b"[" * DEPTH + b"]" * DEPTH + b" ",
    "bad UTF-8": b'{"name": "\xff\xfe"}',
    "overlong UTF-8": b'{"name": "\xc0\x80"}',
    "surrogate in UTF-8": b'{"name": "\xed\xa0\x80"}',
    "byte order mark": b'\xef\xbb\xbf{"name": "x"}',
    "UTF-16": '{"name": "x"}'.encode("utf-16"),
    "truncated": b'{"name": "x"',
    "trailing comma": b'{"name": "x",}',
    "two values": b'{"name": "x"} {}',
    "single quotes": b"{'name': 'x'}",
    "comment": b'{"name": "x"} // fine?',
}


@pytest.mark.parametrize("body", BAD.values(), ids=BAD.keys())
@pytest.mark.parametrize("path", ["/things", "/anything"])
def test_a_bad_body_is_a_400_with_a_code(serve: Any, path: str, body: bytes) -> None:
    service = serve(max_json_depth=DEPTH - 1)
    answer = service.client.post(path, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] in {"invalid_json", "invalid_request"}


@pytest.mark.parametrize("body", [b"null", b"[]", b'"x"', b"1"])
def test_a_body_that_is_no_object_is_told_so(serve: Any, body: bytes) -> None:
    answer = serve().client.post("/things", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["detail"]) == (400, "body: Input should be an object")


@pytest.mark.parametrize(("said", "told"), [("application/x-www-form-urlencoded", "'application/x-www"), (None, "no ")])
def test_json_that_is_called_something_else_is_a_415_that_says_what_to_send(serve: Any, said: Any, told: str) -> None:
    client, headers = serve().client, {"content-type": said} if said else {}
    answer = client.post("/things", content=b'{"name": "x"}', headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
    assert told in answer.json()["detail"]
    assert "Content-Type: application/json" in answer.json()["fix"]
    assert client.post("/anything", content=b"1", headers=headers).status_code == 200


def test_what_no_member_of_a_union_takes_is_one_error_under_the_fields_own_name(serve: Any) -> None:
    problem = serve().client.post("/messages", json={"content": 5}).json()
    assert problem["detail"] == "content: Input should be a valid string, or input should be a valid list"
    assert (problem["param"], len(problem["errors"])) == ("content", 1)
    problem = serve().client.post("/messages", json={"content": [{"text": "x"}, {"text": 5}]}).json()
    assert [error["field"] for error in problem["errors"]] == ["content", "content.1.text"]


def test_one_level_less_than_the_limit_passes(serve: Any) -> None:
    body = b"[" * DEPTH + b"]" * DEPTH
    answer = serve(max_json_depth=DEPTH).client.post(
        "/anything", content=body, headers={"content-type": "application/json"}
    )
    assert (answer.status_code, answer.content) == (200, body)


def test_unusual_but_valid_json_passes_unchanged(serve: Any) -> None:
    value = {"ключ": "\U0001f600 \u2028 \ufffe", "": [1e300, -0.0, 5e-324, 2**63, True, None, {"": {}}]}
    answer = serve().client.post("/anything", json=value)
    assert answer.json() == value


def reference(body: bytes) -> Any:
    """The standard library's parser, told to be as strict as ours promises to be."""

    def refuse(token: str) -> Any:
        raise ValueError(token)

    value = json.loads(body.decode("utf-8", "strict"), parse_constant=refuse)
    stack, depth = [(value, 1)], 0
    while stack:
        item, level = stack.pop()
        if isinstance(item, float) and not math.isfinite(item):
            raise ValueError("not finite")
        if isinstance(item, str) and ("\0" in item or item.encode("utf-8", "strict") is None):
            raise ValueError("NUL")
        if isinstance(item, (dict, list)):
            depth = max(depth, level)
        if isinstance(item, dict):
            stack += [(key, level) for key in item]
        children = item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
        stack += [(child, level + 1) for child in children]
    if depth > DEPTH:
        raise ValueError("deep")
    return value


def repeats_a_key(body: bytes) -> bool:
    """Whether an object of a JSON text names a key twice."""
    repeated = False

    def look(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal repeated
        repeated = repeated or len(dict(pairs)) < len(pairs)
        return dict(pairs)

    try:
        json.loads(body, object_pairs_hook=look)
    except (ValueError, RecursionError):
        return False
    return repeated


numbers = st.from_regex(r"-?(0|[1-9][0-9]{0,3}|1[0-9]{190,330})(\.[0-9]{1,3})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)
strings = st.lists(
    st.one_of(
        st.text(st.characters(exclude_characters='"\\', min_codepoint=32, exclude_categories=["Cs"]), max_size=5),
        st.sampled_from(["\\u0000", "\\ud800", "\\udc00", "\\ud83d\\ude00", "\\n", '\\"', "\\u0041", "\\x", "\x01"]),
    ),
    max_size=4,
).map(lambda parts: f'"{"".join(parts)}"')
scalars = st.one_of(numbers, strings, st.sampled_from(["true", "false", "null", "NaN", "-Infinity", "nul", "01", "1."]))
documents = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"[{','.join(items)}]"),
        st.lists(st.tuples(strings, inner), max_size=3).map(
            lambda pairs: "{" + ",".join(f"{key}:{value}" for key, value in pairs) + "}"
        ),
        st.tuples(st.integers(1, 80), inner).map(lambda pair: "[" * pair[0] + pair[1] + "]" * pair[0]),
    ),
    max_leaves=6,
)


@given(st.one_of(documents.map(str.encode), st.binary(max_size=30)))
@example(b"1" + b"0" * 250 + b"e99")
@example(b"[" * 64 + b"]" * 64)
@example(b"[" * 65 + b"]" * 65)
def test_it_accepts_exactly_what_a_strict_reference_accepts(body: bytes) -> None:
    assume(not repeats_a_key(body))  # the reference never sees the value that a repeated key replaces
    try:
        expected = reference(body)
    except (ValueError, RecursionError):
        with pytest.raises(InvalidRequest):
            parse_json(body, DEPTH)
        return
    assert parse_json(body, DEPTH) == expected


def test_of_a_repeated_key_the_last_value_counts() -> None:
    assert parse_json(b'{"a": 1, "a": 2}', DEPTH) == {"a": 2}
