"""A server whose queue is full, and a front that has the same answer for a while.

    with full_server(lode) as url: ...                  every request for vectors gets 429, for as long as the block lasts
    with BusyFront(server, refusal, n=1) as front: ...  the first request gets `refusal`, the rest are passed on to `server`
    with BusyFront(server) as front: ...                all are passed on: for looking at what a client sends
"""
import contextlib
import http.client
import json
import subprocess
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from conftest import free_port, wait_ready


def ask(url, body, path="/v1/embeddings"):
    """-> (status, headers, bytes)"""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(url + path, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, response.headers, response.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.headers, refused.read()


@contextlib.contextmanager
def full_server(lode, *args):
    """The default model with a queue for one request, and in it one that takes minutes."""
    port = free_port()
    process = subprocess.Popen([lode, "serve", "--port", str(port), "--max-queue-requests", "1", "--threads", "1", *args],
                               stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    bulk = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    try:
        url = f"http://127.0.0.1:{port}"
        wait_ready(url, process)
        bulk.request("POST", "/v1/embeddings", json.dumps({"input": ["word " * 250] * 8000}))
        deadline = time.monotonic() + 60
        while ask(url, {"input": "is it full?"})[0] != 429:
            assert time.monotonic() < deadline, "the queue did not fill"
            time.sleep(0.05)
        yield url
    finally:
        bulk.close()
        process.kill()
        process.wait()


class BusyFront:
    """`asked` holds the time of every POST that came, `bodies` its JSON."""

    def __init__(self, server, refusal=None, n=1):
        front = self
        self.asked, self.bodies = [], []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                front.asked.append(time.monotonic())
                question = self.rfile.read(int(self.headers["Content-Length"]))
                front.bodies.append(json.loads(question))
                answer = refusal if refusal and len(front.asked) <= n else ask(server, question, self.path)
                self.send_response(answer[0])
                for name in ("Content-Type", "Retry-After"):
                    if answer[1][name]:
                        self.send_header(name, answer[1][name])
                self.send_header("Content-Length", str(len(answer[2])))
                self.end_headers()
                self.wfile.write(answer[2])

            def log_message(self, *_):
                pass

        self.listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.listener.handle_error = lambda *_: None  # a client that hangs up early is no news
        self.url = f"http://127.0.0.1:{self.listener.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self.listener.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown()
        self.listener.server_close()

    def pauses(self):
        return [later - sooner for sooner, later in zip(self.asked, self.asked[1:])]
