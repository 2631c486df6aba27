"""The log: one JSON line per event on standard error, without a word of a key or of a candidate.

What an exception says can quote anything, such as the record that could not be read. So of an exception the
log shows what it is and where it came from, and of a warning its kind and place.
"""

import asyncio
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Iterator
from typing import Any, TextIO

import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.typing import ExcInfo, Processor

log = structlog.get_logger()


def configure_logs(level: str) -> None:
    """Log our events from this level on, and the libraries' from `warning` on.

    Below that the libraries show addresses with their queries and whole requests to the model's provider; the
    handler drops those also where an environment variable of a library turns them on.
    """
    number = logging.getLevelNamesMapping()[level.upper()]
    processors: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.ExceptionRenderer(_render),
    ]
    render = structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[*processors, render],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setLevel(max(number, logging.WARNING))
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *processors],
            processors=[ProcessorFormatter.remove_processors_meta, render],
        )
    )
    logging.basicConfig(level=handler.level, handlers=[handler], force=True)
    # uvicorn reports a refused socket as an application that forgot to answer, which it did not.
    logging.getLogger("uvicorn.error").addFilter(lambda record: "completing handshake" not in str(record.msg))
    warnings.showwarning = _log_warning


def log_loop_fault(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What an event loop's own report would show together with the exception's words."""
    log.error("loop_fault", fact=context["message"], exc_info=context.get("exception"))


def describe_trace(error: BaseException) -> str:
    """What an exception is and where it came from, with those that led to it, and nothing that they say.

    Errors of the operating system keep its own words, such as `No space left on device`.
    """
    return "".join(_trace(error, set()))


def _render(exc_info: ExcInfo) -> str:
    return describe_trace(exc_info[1])


def _trace(error: BaseException, shown: set[int]) -> Iterator[str]:
    shown.add(id(error))
    earlier = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if earlier is not None and id(earlier) not in shown:
        yield from _trace(earlier, shown)
        yield "... which led to:\n"
    yield from traceback.format_tb(error.__traceback__)
    words = f": {os.strerror(error.errno)}" if isinstance(error, OSError) and error.errno else ""
    yield f"{type(error).__module__}.{type(error).__qualname__}{words}\n"
    for part in error.exceptions if isinstance(error, BaseExceptionGroup) else ():
        yield from _trace(part, shown)


def _log_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    del message, file, line  # the first can quote what was said, and the others are always the usual
    log.warning("python_warning", category=category.__name__, place=f"{filename}:{lineno}")
