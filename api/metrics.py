"""What is counted at the way in, for Prometheus."""

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second line for each, which nobody asks for
REQUESTS = Counter("interviewer_http_requests", "HTTP requests by status.", ["method", "status"])
SECONDS = Histogram("interviewer_http_request_seconds", "Seconds until the response began.", ["method"])
READY = Gauge("interviewer_ready", "1 while the database answers, else 0; asked for each reading.")
OPEN_SOCKETS = Gauge("interviewer_open_sockets", "Sockets that are open.")
LIMITS_HIT = Counter("interviewer_limits_hit", "What was refused since a limit was reached.", ["limit"])
for limit in ("requests", "sockets", "authentication"):
    LIMITS_HIT.labels(limit)  # shown from the start, so that the first one is seen as a change
