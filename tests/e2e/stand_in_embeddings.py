"""A server of /v1/embeddings for tests, with whatever other people's servers do.

    with StandInEmbeddings() as server:
        server.plan(Status(429, {"Retry-After": "1"}), Drop())     # the next requests; then all is well
        ... --endpoint server.url ...
        server.requests    # the bodies, in order

A text's vector depends on the text and on input_type alone.
"""
import base64
import hashlib
import json
import struct
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DIMS = 16


@dataclass
class Status:
    code: int
    headers: dict = field(default_factory=dict)
    body: bytes = b'{"error": {"message": "as planned"}}'


class Drop:
    """Ends the connection without an answer."""


@dataclass
class Half:
    """Ends the connection in the middle of the answer."""
    after: int = 50


def vector(text, input_type=None):
    digest = hashlib.sha512(f"{input_type}|{text}".encode()).digest()
    return [(byte - 127.5) / 128 for byte in digest[:DIMS]]


class StandInEmbeddings:
    """known: the fields that are not refused (None: all); floats: answers with lists; most_texts, most_chars: limits that are
    refused; key: the one that is asked for."""

    def __init__(self, known=None, floats=False, most_texts=10_000, most_chars=10_000, key=None, seconds=0):
        self.known, self.floats, self.most_texts, self.most_chars, self.key = known, floats, most_texts, most_chars, key
        self.seconds = seconds
        self.requests, self.most_at_once = [], 0
        self._plan, self._lock, self._n_now = [], threading.Lock(), 0

    def plan(self, *actions):
        self._plan.extend(actions)

    def __enter__(self):
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                body = {"data": [{"id": "stand-in"}]} if self.path == "/v1/models" else {}
                stand_in._answer(self, 200 if body else 404, json.dumps(body).encode())

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with stand_in._lock:
                    stand_in._n_now += 1
                    stand_in.most_at_once = max(stand_in.most_at_once, stand_in._n_now)
                try:
                    stand_in._embed(self, json.loads(body))
                finally:
                    with stand_in._lock:
                        stand_in._n_now -= 1

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _answer(self, handler, code, body, headers=None):
        handler.send_response(code)
        for name, value in (headers or {}).items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def _refuse(self, handler, code, message):
        self._answer(handler, code, json.dumps({"error": {"message": message}}).encode())

    def _embed(self, handler, body):
        with self._lock:
            self.requests.append(body)
            action = self._plan.pop(0) if self._plan and len(self.requests) > 1 else None  # never the first, which asks what is taken
        if isinstance(action, Status):
            return self._answer(handler, action.code, action.body, action.headers)
        if isinstance(action, Drop):
            handler.close_connection = True
            return None
        if self.key and handler.headers.get("Authorization") != f"Bearer {self.key}":
            return self._refuse(handler, 401, "Incorrect API key provided")
        unknown = set(body) - self.known if self.known is not None else set()
        if unknown:
            return self._refuse(handler, 400, f"Unrecognized request argument supplied: {min(unknown)}")
        texts = body["input"]
        if len(texts) > self.most_texts:
            return self._refuse(handler, 413, "too many inputs")
        if max(map(len, texts)) > self.most_chars:
            return self._refuse(handler, 400, "maximum context length exceeded")
        time.sleep(self.seconds)
        rows = []
        for i, text in enumerate(texts):
            values = vector(text, body.get("input_type"))
            packed = base64.b64encode(struct.pack(f"<{DIMS}f", *values)).decode()
            as_list = self.floats or body["encoding_format"] != "base64"
            rows.append({"index": i, "object": "embedding", "embedding": values if as_list else packed})
        rows.reverse()  # in no order that anybody promised
        answer = json.dumps({"data": rows, "model": body["model"], "object": "list"}).encode()
        if isinstance(action, Half):
            handler.send_response(200)
            handler.send_header("Content-Length", str(len(answer)))
            handler.end_headers()
            handler.wfile.write(answer[:action.after])
            handler.close_connection = True
            return None
        return self._answer(handler, 200, answer)
