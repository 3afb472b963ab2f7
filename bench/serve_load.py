#!/usr/bin/env python3
"""`lode serve` under load, beside `lode embed` on the same texts and beside other servers, in one run: ratios, not bare figures.

    serve_load.py [--lode build/release/lode] [--model all-minilm-l6-v2] [--only load,latency,memory,bulk] [--rounds 5] [--quick]
                  [--peer 'NAME=COMMAND with {port}'] ... [--json OUT.json] [--serve-args '--threads 2']

load     `lode embed` offline, then one short text a request, closed loop, over 1, 32 and 256 kept-alive connections, then the
         peers at 32: rounds in turn, medians. Every server starts anew in each round, alone on the machine with its clients.
latency  one query over HTTP (one connection) beside one in process (`lode bench model`): medians of the rounds' p50.
memory   resident memory after 5,000 and after 200,000 requests at 32 connections.
bulk     one request of 8,191 texts, 32 MB, while single short ones arrive at a steady pace: their times in passes of the engine.

The clients are wrk's (Debian: apt-get install wrk) and share the machine with the server. Texts: STS-B's first 2,500 sentences
from LODE_SHARED (../shared), in a fixed random order. A peer answers POST /v1/embeddings with OpenAI's bodies, for instance
    'llama.cpp=llama-server -m minilm-f32.gguf --embeddings --pooling mean -t 2 -c 16384 -b 512 -ub 512 -np 32 --port {port}'
wrk's p99 counts what a request that came late would have waited as well. Exits 1 if a request failed.
"""
import argparse
import contextlib
import gzip
import http.client
import itertools
import json
import os
import queue
import random
import shlex
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("LODE_SHARED") or ROOT.parent / "shared")
PATH = "/v1/embeddings"
CONNECTIONS = (1, 32, 256)
BULK_TEXTS, BULK_CHARS = 8191, 4000
SINGLES_PER_S = 10

# wrk sends the bodies of the file in turn and, at the end, prints one line of JSON.
WRK_SCRIPT = """
local bodies, at = {}, 0
function init(args)
  local headers = {["Content-Type"] = "application/json"}
  for line in io.lines(args[1]) do bodies[#bodies + 1] = wrk.format("POST", args[2], headers, line) end
end
function request() at = at % #bodies + 1; return bodies[at] end
function done(summary, latency, requests)
  local e = summary.errors
  print(string.format('{"n": %d, "seconds": %.6f, "p50_ms": %.3f, "p99_ms": %.3f, "max_ms": %.3f, "errors": %d}',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3,
    e.connect + e.read + e.write + e.status + e.timeout))
end
"""


def sentences(n):
    with gzip.open(SHARED / "data/sts/stsb_train.jsonl.gz", "rt") as rows:
        texts = [json.loads(row)["s1"] for row in itertools.islice(rows, n)]
    random.Random(0).shuffle(texts)  # so that any stretch of them has about the mean length
    return texts


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_mb(pid):
    return next(int(line.split()[1]) for line in open(f"/proc/{pid}/status") if line.startswith("VmRSS")) / 1024


class Server:
    """A server that answers POST /v1/embeddings, started by `command` with {port} replaced by a free one."""

    def __init__(self, command, log):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        words = [word.replace("{port}", str(self.port)) for word in command]
        self.log = open(log, "ab")
        self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        deadline = time.monotonic() + 120
        while True:
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                sys.exit(f"{words[0]} does not answer, see {log}:\n" + Path(log).read_text(errors="replace")[-2000:])
            with contextlib.suppress(OSError, http.client.HTTPException):
                if self.ask("POST", PATH, {"model": "m", "input": "hello"})[0] in (200, 404):
                    return
            time.sleep(0.05)

    def ask(self, method, path, body=None, timeout=120):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        with contextlib.closing(connection):
            connection.request(method, path, body and json.dumps(body), {"Content-Type": "application/json"} if body else {})
            response = connection.getresponse()
            return response.status, response.read()

    def passes(self):
        """(passes, their seconds, their tokens) of the engine so far; None where a server does not count them."""
        status, text = self.ask("GET", "/metrics")
        # Every server has lines of its own here, empty ones too.
        rows = [line.rsplit(" ", 1) for line in text.decode(errors="replace").splitlines() if " " in line and not line.startswith("#")]
        names = ("lode_pass_duration_seconds_count", "lode_pass_duration_seconds_sum", "lode_pass_tokens_sum")
        found = [[float(value) for name, value in rows if name.split("{")[0] == wanted] for wanted in names]
        return [sum(values) for values in found] if status == 200 and all(found) else None

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


class Bench:
    def __init__(self, options, folder):
        self.options = options
        self.folder = Path(folder)
        self.errors = 0
        self.texts = sentences(500 if options.quick else 2500)
        self.seconds = 2 if options.quick else options.seconds
        self.bodies = self.write("bodies", [{"model": options.model, "input": text} for text in self.texts])
        self.queries = self.write("queries", [{"model": options.model, "input": text} for text in self.texts[:300]])
        (self.folder / "cycle.lua").write_text(WRK_SCRIPT)

    def write(self, name, rows):
        path = self.folder / f"{name}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    @contextlib.contextmanager
    def serving(self, command=None):
        own = [self.options.lode, "serve", "--quiet", "--model", self.options.model, "--port", "{port}"]
        server = Server(command or own + shlex.split(self.options.serve_args), self.folder / "server.log")
        server.own = command is None
        try:
            yield server
        finally:
            server.stop()

    def wrk(self, server, connections, seconds, bodies=None):
        """One closed loop: wrk's figures and the CPU seconds a request costs on both sides."""
        passes, cpu = server.passes(), cpu_seconds(server.process.pid)
        command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "30s",
                   "-s", self.folder / "cycle.lua", f"http://127.0.0.1:{server.port}", "--", bodies or self.bodies, PATH]
        client = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        out = client.stdout.read()
        _, status, usage = os.wait4(client.pid, 0)
        client.returncode = os.waitstatus_to_exitcode(status)
        if client.returncode != 0:
            sys.exit(f"wrk failed:\n{out}")
        got = json.loads(out.splitlines()[-1])
        self.errors += got["errors"] if server.own else 0
        n, after = max(1, got["n"]), server.passes()
        got |= {"requests_per_s": got["n"] / got["seconds"], "client_cpu_ms": 1e3 * (usage.ru_utime + usage.ru_stime) / n,
                "server_cpu_ms": 1e3 * (cpu_seconds(server.process.pid) - cpu) / n}
        if passes:
            n_passes, seconds, tokens = (b - a for a, b in zip(passes, after, strict=True))
            got |= {"engine_busy": seconds / got["seconds"], "pass_tokens": tokens / max(1, n_passes),
                    "pass_tokens_per_s": tokens / max(1e-9, seconds)}
        return got

    def embed_seconds(self, path):
        command = [self.options.lode, "embed", path, "--model", self.options.model, "--quiet", "-o", self.folder / "out.npy"]
        started = time.perf_counter()
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        return time.perf_counter() - started

    def load(self):
        """Rows of (what, figures of every round)."""
        rows = {"embed": []} | {f"serve {n}": [] for n in CONNECTIONS} | {f"{name} 32": [] for name, _ in self.options.peer}
        copies = 1 if self.options.quick else 4
        many = self.write("many", [{"text": text} for text in self.texts * copies])
        one = self.write("one", [{"text": self.texts[0]}])
        with self.serving() as server:
            usage = json.loads(server.ask("POST", PATH, {"model": self.options.model, "input": self.texts})[1])["usage"]
        mean_tokens = usage["prompt_tokens"] / len(self.texts)
        for turn in range(self.options.rounds):
            note(f"load, round {turn + 1} of {self.options.rounds}")
            seconds = self.embed_seconds(many) - self.embed_seconds(one)
            rows["embed"].append({"texts_per_s": copies * len(self.texts) / seconds})
            for n in CONNECTIONS:
                with self.serving() as server:
                    self.wrk(server, n, 1)
                    rows[f"serve {n}"].append(self.wrk(server, n, self.seconds))
            for name, command in self.options.peer:
                with self.serving(command) as server:
                    self.wrk(server, 32, 1)
                    rows[f"{name} 32"].append(self.wrk(server, 32, self.seconds))
        return {"mean_tokens": mean_tokens, "rows": rows}

    def latency(self):
        served, inside = [], []
        texts = self.write("texts", [{"text": text} for text in self.texts[:300]])
        for turn in range(self.options.rounds):
            note(f"latency, round {turn + 1} of {self.options.rounds}")
            command = [self.options.lode, "bench", "model", "--model", self.options.model, "--texts", texts, "--json",
                       "--repetitions", "3"]
            out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
            inside.append(next(row["value"] for row in map(json.loads, out.splitlines()) if row["what"] == "query p50"))
            with self.serving() as server:
                self.wrk(server, 1, 1, self.queries)
                served.append(self.wrk(server, 1, min(self.seconds, 5), self.queries)["p50_ms"])
        return {"in_process_p50_ms": inside, "http_p50_ms": served}

    def memory(self):
        few, many = (1000, 20_000) if self.options.quick else (5000, 200_000)
        note(f"memory, {many} requests")
        with self.serving() as server:
            n, rate, rss = 0, 500.0, {}
            for target in (few, many):
                while n < target:
                    got = self.wrk(server, 32, min(30, (target - n) / rate + 0.5))
                    n, rate = n + got["n"], got["requests_per_s"]
                rss[n] = rss_mb(server.process.pid)
        return {"rss_mb": rss}

    def bulk(self):
        """Singles at a steady pace while the bulk request is computed, which is dropped when enough is known."""
        seconds = 10 if self.options.quick else 60
        source = " ".join(self.texts)
        texts = [source[at:at + BULK_CHARS] for at in (97 * i % (len(source) - BULK_CHARS) for i in range(BULK_TEXTS))]
        body = json.dumps({"model": self.options.model, "input": texts, "truncate": "END"}).encode()
        note(f"bulk, {len(body) / 1e6:.1f} MB and {seconds} s of singles")
        with self.serving() as server, contextlib.closing(socket.create_connection(("127.0.0.1", server.port))) as whole:
            head = f"POST {PATH} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            whole.sendall(head.encode() + body)
            time.sleep(5)  # read, tokenised and in the queue
            before = server.passes()
            times = self.singles(server, seconds)
            after = server.passes()
            whole.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                sys.exit(f"the bulk request ended before the singles did: {whole.recv(300)}")
        pass_ms = 1e3 * (after[1] - before[1]) / (after[0] - before[0]) if before else 250.0
        return {"pass_ms": pass_ms, "pass_measured": before is not None, "singles_ms": times}

    def singles(self, server, seconds):
        """One request every 1 / SINGLES_PER_S s, whether or not the last one was answered -> the answered ones' times in ms."""
        due, times = queue.SimpleQueue(), []

        def client():
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
            while (text := due.get()) is not None:
                started = time.perf_counter()
                connection.request("POST", PATH, json.dumps({"model": self.options.model, "input": text}))
                response = connection.getresponse()
                response.read()
                times.append(1e3 * (time.perf_counter() - started))
                if response.status != 200:
                    self.errors += 1

        clients = [threading.Thread(target=client) for _ in range(64)]
        for thread in clients:
            thread.start()
        started = time.perf_counter()
        for i in range(seconds * SINGLES_PER_S):
            time.sleep(max(0.0, started + i / SINGLES_PER_S - time.perf_counter()))
            due.put(self.texts[i % len(self.texts)])
        for _ in clients:
            due.put(None)
        for thread in clients:
            thread.join()
        self.errors += seconds * SINGLES_PER_S - len(times)
        return times


def note(what):
    print(f"serve_load: {what}", file=sys.stderr, flush=True)


def median(rounds, key):
    return statistics.median(row[key] for row in rounds)


def report_load(got):
    rows, tokens = got["rows"], got["mean_tokens"]
    offline, at_32 = median(rows["embed"], "texts_per_s"), median(rows["serve 32"], "requests_per_s")
    print(f"\n{tokens:.1f} tokens a text; medians of {len(rows['embed'])} rounds\n{'':14} texts/s        min-max tokens/s offline"
          "  p50 ms  p99 ms failed | CPU ms: server client | engine: busy tokens/pass tokens/s | serve 32 to it")
    for name, rounds in rows.items():
        key = "texts_per_s" if name == "embed" else "requests_per_s"
        rate, low, high = median(rounds, key), min(r[key] for r in rounds), max(r[key] for r in rounds)
        line = f"{name:14}{rate:8.0f}{f'{low:.0f}-{high:.0f}':>15}{rate * tokens:9.0f}{rate / offline:8.1%}"
        if name != "embed":
            line += f"{median(rounds, 'p50_ms'):8.2f}{median(rounds, 'p99_ms'):8.2f}{sum(r['errors'] for r in rounds):7} |"
            line += f"{median(rounds, 'server_cpu_ms'):15.3f}{median(rounds, 'client_cpu_ms'):7.3f} |"
            if "engine_busy" in rounds[0]:
                line += f"{median(rounds, 'engine_busy'):13.1%}{median(rounds, 'pass_tokens'):12.0f}"
                line += f"{median(rounds, 'pass_tokens_per_s'):9.0f}"
            else:
                line += " " * 34
            line += f" |{at_32 / max(rate, 1e-9):10.2f}x"
        print(line)


def report_latency(got):
    served, inside = statistics.median(got["http_p50_ms"]), statistics.median(got["in_process_p50_ms"])
    print(f"\none query: p50 {served:.3f} ms over HTTP, {inside:.3f} ms in process, {served - inside:+.3f} ms")


def report_memory(got):
    (few, first), (many, last) = got["rss_mb"].items()
    print(f"\nmemory: {first:.1f} MB after {few} requests, {last:.1f} MB after {many}, {last / first:.3f}x")


def report_bulk(got):
    times, one = sorted(got["singles_ms"]), got["pass_ms"]
    at = {"p50": times[len(times) // 2], "p99": times[min(len(times) - 1, len(times) * 99 // 100)], "max": times[-1]}
    in_passes = ", ".join(f"{name} {ms:.0f} ms = {ms / one:.2f} passes" for name, ms in at.items())
    source = "measured" if got["pass_measured"] else "the target"
    print(f"\n{len(times)} singles beside a bulk request, passes of {one:.0f} ms ({source}): {in_passes}")


REPORTS = {"load": report_load, "latency": report_latency, "memory": report_memory, "bulk": report_bulk}


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lode", default=str(ROOT / "build/release/lode"))
    parser.add_argument("--model", default="all-minilm-l6-v2")
    parser.add_argument("--only", default=",".join(REPORTS), help="parts, with commas between (default: all)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10, help="of each closed loop")
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=COMMAND")
    parser.add_argument("--serve-args", default="", help="further options of lode serve, in one string")
    parser.add_argument("--json", help="every figure of every round goes here")
    parser.add_argument("--quick", action="store_true", help="one short round: does it work at all?")
    options = parser.parse_args()
    options.only = options.only.split(",")
    options.peer = [(name, shlex.split(command)) for name, _, command in (peer.partition("=") for peer in options.peer)]
    options.rounds = 1 if options.quick else options.rounds
    if unknown := set(options.only) - set(REPORTS):
        parser.error(f"--only: there is no {', '.join(sorted(unknown))}, only {', '.join(REPORTS)}")
    if not shutil.which("wrk"):
        parser.error("wrk is missing: apt-get install wrk")
    if not (SHARED / "data/sts").is_dir():
        parser.error(f"no texts at {SHARED}/data/sts: set LODE_SHARED")
    return options


def main():
    options = parse()
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(options, folder)
        for part in options.only:
            figures[part] = getattr(bench, part)()
            REPORTS[part](figures[part])
    if options.json:
        Path(options.json).write_text(json.dumps(figures | {"errors": bench.errors}, indent=1) + "\n")
    print(f"\nfailed requests: {bench.errors}")
    return 1 if bench.errors else 0


if __name__ == "__main__":
    sys.exit(main())
