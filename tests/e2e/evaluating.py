"""`lode eval` under test, and rows of data for it."""
import json
import subprocess


def evaluate(lode, *args, timeout=240):
    """-> CompletedProcess"""
    return subprocess.run([lode, "eval", *map(str, args)], capture_output=True, text=True, timeout=timeout)


def reports(lode, *args):
    """-> what --json says, an object a task"""
    done = evaluate(lode, *args, "--json", "--quiet")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def lines(rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def write_rows(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(lines(rows))
