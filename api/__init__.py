"""The way in: REST, WebSocket and the command line, mapped onto the interviewer."""
