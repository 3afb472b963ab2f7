"""A hub on this machine for tests: the paths of the Hugging Face hub for one release, with large files behind a redirect to
another port, and whatever can go wrong on the way.

    with StandInHub({"config.json": b"{}", "model.safetensors": weights}) as hub:
        hub.plan("model.safetensors", Break(after=1000), Status(500))   # the first two requests for it; then all is well
        ... HF_ENDPOINT=hub.url ...
        hub.requests    # [Request(where="hub"|"cdn", path, headers)]
"""
import hashlib
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LFS_FROM = 1000  # bytes; smaller files are served by the hub itself, as git blobs


@dataclass
class Status:
    code: int
    headers: dict = field(default_factory=dict)
    body: bytes = b""


@dataclass
class Break:
    """Ends the connection after so many bytes of the answer."""
    after: int


@dataclass
class Body:
    """Other bytes than the listed ones."""
    data: bytes
    content_type: str = "application/octet-stream"


class WholeFile:
    """Ignores Range."""


@dataclass
class Gate:
    """Sends so many bytes, then waits for `open`."""
    after: int
    reached: threading.Event = field(default_factory=threading.Event)
    open: threading.Event = field(default_factory=threading.Event)


@dataclass
class Request:
    where: str
    path: str
    headers: dict


def git_blob_id(data):
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


class StandInHub:
    def __init__(self, files, model_id="nvidia/NV-Embed-v1"):
        self.files = dict(files)
        self.model_id = model_id
        self.requests = []
        self.listing = None  # replaces the list of files
        self._plans = {}
        self._lock = threading.Lock()
        self._servers = []

    def __enter__(self):
        self.url = self._start("hub")
        self.cdn_url = self._start("cdn")
        return self

    def __exit__(self, *_):
        for server, thread in self._servers:
            server.shutdown()
            thread.join()
            server.server_close()

    def plan(self, path, *actions):
        """What happens to the next requests for the bytes of `path` ("" is the list of files), one action a request."""
        self._plans.setdefault(path, []).extend(actions)

    def asked(self, path, where=None):
        """The requests for a file's bytes (not for the redirect to them)."""
        wanted = "cdn" if len(self.files[path]) >= LFS_FROM else "hub"
        return [r for r in self.requests if r.where == (where or wanted) and r.path.endswith("/" + path)]

    def list_entry(self, path):
        data = self.files[path]
        entry = {"rfilename": path, "size": len(data), "blobId": git_blob_id(data)}
        if len(data) >= LFS_FROM:
            entry["lfs"] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 130}
        return entry

    def list(self):
        return {"id": self.model_id, "sha": COMMIT, "siblings": [self.list_entry(path) for path in self.files]}

    def _next_action(self, path):
        with self._lock:
            plan = self._plans.get(path)
            return plan.pop(0) if plan else None

    def _start(self, where):
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                with hub._lock:
                    hub.requests.append(Request(where, self.path, {k.lower(): v for k, v in self.headers.items()}))
                hub._answer(where, self)

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        self._servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}"

    def _answer(self, where, handler):
        prefix = f"/{self.model_id}/resolve/{COMMIT}/"
        if where == "hub" and handler.path == f"/api/models/{self.model_id}/revision/main?blobs=true":
            listing = self.list() if self.listing is None else self.listing
            self._send(handler, "", json.dumps(listing).encode(), "application/json")
        elif where == "hub" and handler.path.startswith(prefix) and handler.path.removeprefix(prefix) in self.files:
            path = handler.path.removeprefix(prefix)
            if len(self.files[path]) >= LFS_FROM:
                self._head(handler, 302, {"Location": f"{self.cdn_url}/blob/{path}", "Content-Type": "text/html"}, b"Found")
            else:  # the hub sends small files through a relative redirect to a cache of its own
                self._head(handler, 307, {"Location": f"/api/resolve-cache/{path}"}, b"")
        elif where == "hub" and handler.path.startswith("/api/resolve-cache/"):
            path = handler.path.removeprefix("/api/resolve-cache/")
            self._send(handler, path, self.files[path], "text/plain")
        elif where == "cdn" and handler.path.startswith("/blob/"):
            path = handler.path.removeprefix("/blob/")
            self._send(handler, path, self.files[path], "application/octet-stream")
        else:
            self._head(handler, 404, {"X-Error-Message": "Entry not found"}, b"")

    def _head(self, handler, code, headers, body):
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def _send(self, handler, path, data, content_type):
        action = self._next_action(path)
        if isinstance(action, Status):
            self._head(handler, action.code, action.headers, action.body)
            return
        if isinstance(action, Body):
            data, content_type = action.data, action.content_type
        start = 0
        asked = handler.headers.get("Range")
        if asked and not isinstance(action, WholeFile):
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            if start >= len(data):
                self._head(handler, 416, {"Content-Range": f"bytes */{len(data)}"}, b"")
                return
            handler.send_response(206)
            handler.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        else:
            handler.send_response(200)
        handler.send_header("Content-Type", content_type)
        handler.send_header("Content-Length", str(len(data) - start))
        handler.end_headers()
        body = data[start:]
        try:
            if isinstance(action, Break):
                handler.wfile.write(body[:action.after])
                handler.close_connection = True
            elif isinstance(action, Gate):
                handler.wfile.write(body[:action.after])
                handler.wfile.flush()
                action.reached.set()
                action.open.wait(60)
                handler.wfile.write(body[action.after:])
            else:
                handler.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            handler.close_connection = True  # the client was told to go
