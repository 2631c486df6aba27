"""What the fuzzer of the OpenAPI document cannot know by itself."""

from typing import Any
from uuid import uuid4

import schemathesis

HEADER = "Idempotency-Key"
LONGEST_SKILL = 200


@schemathesis.hook
def before_call(context: object, case: schemathesis.Case, kwargs: dict[str, Any]) -> None:  # noqa: ARG001
    """Use a valid key once: with another body it would be refused, as it should be."""
    key = case.headers[HEADER] if HEADER in case.headers else None  # noqa: SIM401 - it is no dict
    if isinstance(key, str) and 0 < len(key) <= 200 and key.isascii() and key.isprintable():
        case.headers[HEADER] = f"{key}{uuid4().hex}"


@schemathesis.hook
def filter_body(context: object, body: object) -> bool:  # noqa: ARG001
    """Leave out skills that are too long: the generator makes them now and then and holds them for valid."""
    skills = body.get("skills") if isinstance(body, dict) else None
    return not (
        isinstance(skills, list)
        and any(isinstance(skill, str) and len(skill) > LONGEST_SKILL for skill in skills)
    )


@schemathesis.hook
def filter_headers(context: object, headers: dict[str, Any] | None) -> bool:  # noqa: ARG001
    """Leave out keys whose fault never arrives: HTTP drops white space around a header."""
    key = headers[HEADER] if headers and HEADER in headers else None
    return not isinstance(key, str) or key == key.strip()
