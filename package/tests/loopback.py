"""A web server on this machine that answers as it is told, and misbehaves on purpose."""

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from schash.data.registry import Source, load_registry
from schash.data.web import Retry

RETRY = Retry(attempts=3, first_wait=0.001, connect_timeout=2, read_timeout=2)
"""Impatient, as tests are."""

Answer = Callable[[BaseHTTPRequestHandler], None]


def lake(*files: dict) -> Source:
    """A source of these files."""
    row = {
        "title": "Lake",
        "version": "1",
        "licence": "CC0",
        "citation": [{"key": "k", "text": "t"}],
        "files": files,
    }
    return load_registry({"sources": {"lake": row}}).source("lake")


@dataclass
class Server:
    """Its answers to a path are a list of functions, the last of which stays. `requests`: (path, Range header)."""

    url: str = ""
    answers: dict = field(default_factory=dict)
    requests: list = field(default_factory=list)
    methods: list = field(default_factory=list)
    sent: int = 0
    """Bytes of bodies."""

    def says(self, path: str, *answers: Answer) -> str:
        self.answers[path] = list(answers)
        return self.url + path


@contextmanager
def serving() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        served = state
        path: str

        def do_GET(self):
            state.requests.append((self.path, self.headers.get("Range")))
            state.methods.append(self.command)
            answers = state.answers.get(self.path, [status(404)])
            (answers.pop(0) if len(answers) > 1 else answers[0])(self)

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *args):
            pass

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, request, client_address):
            """Clients that go away early are part of the tests."""

    web = Quiet(("127.0.0.1", 0), Handler)
    web.daemon_threads = True
    thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    state.url = f"http://127.0.0.1:{web.server_port}"
    yield state
    web.shutdown()
    thread.join()
    web.server_close()


def head(handler, *, code=200, length=None, kind="application/octet-stream", **headers):
    handler.send_response(code)
    handler.send_header("Content-Type", kind)
    if length is not None:
        handler.send_header("Content-Length", str(length))
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()


def send(handler, body, *, length=None, **facts):
    """A response; `length` is what it announces, the body's by default."""
    head(handler, length=len(body) if length is None else length, **facts)
    if handler.command != "HEAD":
        handler.served.sent += len(body)
        handler.wfile.write(body)


def whole(body: bytes, **facts) -> Answer:
    return lambda handler: send(handler, body, **facts)


def ranged(body: bytes, **facts) -> Answer:
    """A server that honours Range, and If-Range where it has an ETag."""

    def answer(handler):
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", handler.headers.get("Range") or "")
        condition = handler.headers.get("If-Range")
        if asked is None or condition not in (None, facts.get("ETag")):
            send(handler, body, Accept_Ranges="bytes", **facts)
            return
        start, stop = int(asked[1]), int(asked[2]) + 1 if asked[2] else len(body)
        stop = min(stop, len(body))
        if start >= len(body):
            send(handler, b"", code=416, Content_Range=f"bytes */{len(body)}", **facts)
            return
        said = f"bytes {start}-{stop - 1}/{len(body)}"
        send(handler, body[start:stop], code=206, Content_Range=said, **facts)

    return answer


def cut(body: bytes, after: int) -> Answer:
    """The connection closes after so many bytes of what was asked for; a range is honoured."""

    def answer(handler):
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", handler.headers.get("Range") or "")
        start = int(asked[1]) if asked else 0
        stop = int(asked[2]) + 1 if asked and asked[2] else len(body)
        facts = {"code": 206, "Content_Range": f"bytes {start}-{stop - 1}/{len(body)}"} if asked else {}
        head(handler, length=stop - start, **facts)
        handler.served.sent += min(after, stop - start)
        handler.wfile.write(body[start : min(start + after, stop)])

    return answer


def chunked(*pieces: bytes, ends: bool = True, **facts) -> Answer:
    """Transfer-Encoding: chunked; without its end the connection closes between two chunks."""

    def answer(handler):
        handler.protocol_version = "HTTP/1.1"
        head(handler, Transfer_Encoding="chunked", **facts)
        for piece in pieces:
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        if ends:
            handler.wfile.write(b"0\r\n\r\n")
        handler.close_connection = True

    return answer


def unframed(body: bytes) -> Answer:
    """No length and no chunks: the body ends where the connection does."""

    def answer(handler):
        head(handler)
        handler.wfile.write(body)

    return answer


def hung_up(handler):
    """The connection closes before a header is sent."""
    handler.connection.shutdown(socket.SHUT_RDWR)


def status(code, **headers) -> Answer:
    return lambda handler: send(handler, b"no", code=code, **headers)


def redirect(to) -> Answer:
    return lambda handler: send(handler, b"", code=302, Location=to)


PAGE = b"<!DOCTYPE html>\n<html><body>sign in</body></html>"


def html(handler):
    send(handler, PAGE, kind="text/html; charset=utf-8")
