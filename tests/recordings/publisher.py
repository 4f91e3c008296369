"""A web server on loopback that publishes files, as PhysioNet and as a public bucket, and can misbehave."""

import hashlib
import re
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote_plus, unquote, urlsplit
from xml.sax.saxutils import escape

PAGE = 3  # objects per page of a bucket's list


@dataclass
class Fault:
    """What goes wrong with one answer to GET: another status; sent bytes that end early, differ, or are too
    many; a length that is not the true one. `hold` waits in the middle of the body."""

    status: int = 0
    retry_after: str = ""
    cut: int | None = None
    flip: bool = False
    extra: bytes = b""
    claim: int | None = None
    hold: threading.Event | None = None


class Publisher(ThreadingHTTPServer):
    """`files` by path below `/tree/` (with a list of checksums) and below `/bucket/set/`."""

    daemon_threads = True

    def __init__(self, files: dict[str, bytes]):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.faults = dict(files), {}
        self.ranges, self.tells_sizes, self.endless = True, True, False
        self.tags: dict[str, str] = {}
        self.sums: bytes | None = None
        self.asked: list[tuple[str, str, str]] = []
        self.busy = self.busiest = 0
        self.lock = threading.Lock()
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def handle_error(self, *_: object) -> None:
        """A client that went away."""

    @property
    def tree(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/tree/"

    @property
    def bucket(self) -> str:
        return f"s3+http://127.0.0.1:{self.server_port}/bucket/set/"

    def got(self, name: str) -> list[str]:
        """The ranges with which a file was asked for, "" for all of it."""
        return [said for method, path, said in self.asked if method == "GET" and path.endswith(f"/{name}")]

    def body(self, path: str) -> bytes | None:
        if path == "/tree/SHA256SUMS.txt":
            return self.checksums() if self.sums is None else self.sums
        for folder in ("/tree/", "/bucket/set/"):
            if path.startswith(folder):
                return self.files.get(path.removeprefix(folder))
        return None

    def checksums(self) -> bytes:
        lines = (f"{hashlib.sha256(body).hexdigest()} {name}\n" for name, body in self.files.items())
        return "".join(lines).encode()

    def page(self, query: dict[str, list[str]]) -> bytes:
        """ListObjectsV2's answer, as Amazon S3 writes it with encoding-type=url."""
        names = sorted(name for name in self.files if f"set/{name}".startswith(query["prefix"][0]))
        first = int(query.get("continuation-token", ["0"])[0])
        more = first + PAGE < len(names) or self.endless
        token = f"<NextContinuationToken>{first + PAGE}</NextContinuationToken>"
        entries = "".join(self.entry(name) for name in names[first : first + PAGE])
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>bucket</Name>'
            f"<IsTruncated>{str(more).lower()}</IsTruncated>{token if more and not self.endless else ''}"
            f"<EncodingType>url</EncodingType>{entries}</ListBucketResult>"
        ).encode()

    def entry(self, name: str) -> str:
        body = self.files[name]
        tag = escape(f'"{self.tags.get(name, hashlib.md5(body).hexdigest())}"', {'"': "&quot;"})
        return (
            f"<Contents><Key>set/{quote_plus(name, safe='/')}</Key><ETag>{tag}</ETag>"
            f"<Size>{len(body)}</Size></Contents>"
        )


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.answer(send=False)

    def do_GET(self) -> None:
        with self.server.lock:
            self.server.busy += 1
            self.server.busiest = max(self.server.busiest, self.server.busy)
        try:
            self.answer(send=True)
        finally:
            with self.server.lock:
                self.server.busy -= 1

    def answer(self, send: bool) -> None:
        url = urlsplit(self.path)
        path, wanted = unquote(url.path), self.headers.get("Range", "")
        self.server.asked.append((self.command, path, wanted))
        if "list-type" in url.query:
            return self.give(200, self.server.page(parse_qs(url.query)))
        if not send and not self.server.tells_sizes:
            return self.give(501, b"")
        faults = self.server.faults.get(path.rpartition("/")[2], []) if send else []
        fault = (faults.pop(0) if len(faults) > 1 else faults[0]) if faults else Fault()
        body = self.server.body(path)
        if body is None or fault.status:
            return self.give(fault.status or 404, b"no", fault, send)
        start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1]) if wanted and self.server.ranges else 0
        if wanted and self.server.ranges and start >= len(body):
            return self.give(416, b"", fault, send)
        status = 206 if wanted and self.server.ranges else 200
        self.give(status, body[start:], fault, send, (start, len(body)))

    def give(
        self, status: int, body: bytes, fault: Fault | None = None, send: bool = True, span: tuple = (0, 0)
    ) -> None:
        fault = fault or Fault()
        if fault.flip:
            body = body[:-1] + bytes([body[-1] ^ 1])
        body += fault.extra
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if fault.claim is None else fault.claim))
        if status == 206:
            self.send_header("Content-Range", f"bytes {span[0]}-{span[1] - 1}/{span[1]}")
        if fault.retry_after:
            self.send_header("Retry-After", fault.retry_after)
        self.end_headers()
        if send:
            self.send(body, fault)

    def send(self, body: bytes, fault: Fault) -> None:
        if fault.hold is not None:
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            fault.hold.wait(30)
            body = body[len(body) // 2 :]
        self.wfile.write(body if fault.cut is None else body[: fault.cut])
        if fault.cut is not None or fault.claim is not None:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass
