"""A `lode serve` under test, and how to talk to it: requests, bytes on raw sockets, its metrics, its log, its process."""
import contextlib
import http.client
import json
import os
import re
import signal
import socket
import ssl
import struct
import subprocess
import threading
import time
import urllib.parse
from pathlib import Path


class Server:
    """`lode serve ARGS --port 0`, with at most `files` file descriptors and `env` beside the environment; what it prints on
    stderr is in `log`. `tls`: the client's ssl.SSLContext."""

    def __init__(self, lode, *args, files=None, env=None, tls=None, port=("--port", "0")):
        command = [lode, "serve", *port, *map(str, args)]
        if files:
            command = ["prlimit", f"--nofile={files}", *command]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True, env={**os.environ, **(env or {})})
        self.log, self.url, self.tls = "", None, tls
        self.up = threading.Event()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        assert self.up.wait(60) and self.url, f"no address on stderr:\n{self.log}"
        self.host, self.port = urllib.parse.urlsplit(self.url).netloc.split(":")

    def _read(self):
        for line in self.process.stderr:
            self.log += line
            found = re.search(r" on (https?://\S+)", line)
            if found:
                self.url = found.group(1)
            if line.startswith("  curl"):
                self.up.set()
        self.up.set()

    def stop(self, sig=signal.SIGTERM, timeout=60):
        self.process.send_signal(sig)
        return self.process.wait(timeout)

    def connect(self, timeout=60):
        if self.tls:
            return http.client.HTTPSConnection(self.host, int(self.port), timeout=timeout, context=self.tls)
        return http.client.HTTPConnection(self.host, int(self.port), timeout=timeout)

    def ask(self, method, path, body=None, headers=None, connection=None):
        """-> (status, headers, body) with a JSON body decoded."""
        connection = connection or self.connect()
        data = body if body is None or isinstance(body, (bytes, str)) else json.dumps(body)
        connection.request(method, path, data, headers or {})
        response = connection.getresponse()
        text = response.read()
        if response.headers.get("Content-Type", "").startswith("application/json") and text:
            text = json.loads(text)
        return response.status, response.headers, text

    def embed(self, connection=None, **body):
        status, _, reply = self.ask("POST", "/v1/embeddings", body, connection=connection)
        assert status == 200, reply
        return reply

    def socket(self, timeout=10):
        return socket.create_connection((self.host, int(self.port)), timeout=timeout)

    def raw(self, data, end_sending=False):
        """All the bytes that the server says to `data` until it closes or is quiet for a while."""
        with self.socket() as s:
            # One who is refused early need not have read all.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                s.sendall(data)
            if end_sending:
                s.shutdown(socket.SHUT_WR)
            return until_closed(s, 2)

    def metrics(self, headers=None):
        """Samples by their name and labels, as they are written."""
        status, _, text = self.ask("GET", "/v1/metrics", headers=headers)
        assert status == 200, text
        lines = [line for line in text.decode().splitlines() if line and not line.startswith("#")]
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}

    def access(self, request_id=None):
        """The access log's lines so far (--log-format json), or the one of `request_id`, for which it waits."""

        def lines():
            parsed = [json.loads(line) for line in self.log.splitlines() if line.startswith("{")]
            return [line for line in parsed if "request_id" in line]

        if request_id is None:
            return lines()
        wait_for(lambda: any(line["request_id"] == request_id for line in lines()), f"a line of {request_id}")
        return next(line for line in lines() if line["request_id"] == request_id)

    def resident_bytes(self):
        return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{self.process.pid}/status").read_text())[1]) << 10


@contextlib.contextmanager
def serving(lode, *args, **options):
    server = Server(lode, *args, **options)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.process.kill()
        server.process.wait()


def until_closed(s, quiet_s):
    out = b""
    with contextlib.suppress(TimeoutError, ConnectionResetError):
        s.settimeout(quiet_s)
        while part := s.recv(65536):
            out += part
    return out


def wait_for(condition, what, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.02)


def post(body, *headers, path="/v1/embeddings"):
    """A whole request as bytes."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = [f"POST {path} HTTP/1.1", "Host: x", f"Content-Length: {len(data)}", *headers]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + data


def as_bytes(numbers):
    return struct.pack(f"<{len(numbers)}f", *numbers)


def vectors(reply):
    assert [row["index"] for row in reply["data"]] == list(range(len(reply["data"])))
    return [as_bytes(row["embedding"]) for row in reply["data"]]


class Certificates:
    """An authority of its own in `folder`, made with the openssl command: a server for 127.0.0.1, a client, and a stranger."""

    def __init__(self, folder):
        self.folder = folder
        self.ca = self._self_signed("ca", "Test CA")
        self._self_signed("stranger", "stranger")
        self._signed("server", "localhost", "subjectAltName=IP:127.0.0.1")
        self._signed("client", "a-client", "extendedKeyUsage=clientAuth")
        self.server_args = ["--tls-cert", folder / "server.pem", "--tls-key", folder / "server.key"]

    def client(self, name=None):
        """A context that trusts the authority and shows the certificate of `name`."""
        context = ssl.create_default_context(cafile=str(self.ca))
        if name:
            context.load_cert_chain(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        return context

    def _openssl(self, *args):
        subprocess.run(["openssl", *map(str, args)], cwd=self.folder, check=True, capture_output=True, stdin=subprocess.DEVNULL)

    def _key(self, name):
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key"]

    def _self_signed(self, name, subject):
        self._openssl("req", "-x509", *self._key(name), "-out", f"{name}.pem", "-days", 2, "-subj", f"/CN={subject}")
        return self.folder / f"{name}.pem"

    def _signed(self, name, subject, extension):
        (self.folder / f"{name}.ext").write_text(extension)
        self._openssl("req", "-new", *self._key(name), "-out", f"{name}.csr", "-subj", f"/CN={subject}")
        self._openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", 2,
                      "-extfile", f"{name}.ext", "-out", f"{name}.pem")
