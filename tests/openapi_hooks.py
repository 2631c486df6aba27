"""What the fuzzer of the OpenAPI document cannot know by itself."""

from typing import Any
from uuid import uuid4

import schemathesis
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it has no types
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation.meta import FuzzingPhaseData, StatefulPhaseData

HEADER = "Idempotency-Key"
FAULTS = (FuzzingPhaseData, StatefulPhaseData)


@schemathesis.hook
def before_call(context: object, case: schemathesis.Case, kwargs: dict[str, Any]) -> None:  # noqa: ARG001
    """Use a valid key once, since with another body it would be refused, and do send a faulty one.

    The fuzzer takes any header with a fault for one that is to be missing, and would leave it out.
    """
    key = case.headers[HEADER] if HEADER in case.headers else None  # noqa: SIM401 - it is no dict
    if isinstance(key, str) and 0 < len(key) <= 200 and key.isascii() and key.isprintable():
        case.headers[HEADER] = f"{key}{uuid4().hex}"
    elif key is not None and case.meta is not None and isinstance(case.meta.phase.data, FAULTS):
        case.meta.phase.data.parameter = None


@schemathesis.hook
def filter_case(context: object, case: schemathesis.Case) -> bool:  # noqa: ARG001
    """Leave out cases that are not what the fuzzer holds them for.

    It makes one pattern of a `pattern` and a `maxLength`, and takes longer texts with such a part for valid.
    A key that is to be a faulty one is at times not there at all, which is no fault.
    """
    if case.meta is None:
        return True
    if case.meta.generation.mode.is_positive:
        bodies = (body for body in case.operation.body if body.media_type == case.media_type)
        return all(Draft202012Validator(body.unoptimized_schema).is_valid(case.body) for body in bodies)
    headers = case.meta.components.get(ParameterLocation.HEADER)
    return headers is None or headers.mode.is_positive or HEADER in case.headers


@schemathesis.hook
def filter_headers(context: object, headers: dict[str, Any] | None) -> bool:  # noqa: ARG001
    """Leave out keys whose fault never arrives: HTTP drops white space around a header."""
    key = headers[HEADER] if headers and HEADER in headers else None
    return not isinstance(key, str) or key == key.strip()
