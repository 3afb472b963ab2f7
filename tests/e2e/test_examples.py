"""The programs in examples/, run against a server with the default model."""
import subprocess
import sys


def test_nearest_lines(server, root, tmp_path):
    (tmp_path / "notes.txt").write_text("The cat sleeps on the sofa.\n\nRestart the server to load new weights.\nBread needs flour.\n")
    done = subprocess.run([sys.executable, root / "examples/nearest_lines.py", tmp_path / "notes.txt", "where is the animal?",
                           "-k", "2", "--url", server], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
    assert done.returncode == 0, done.stderr
    printed = done.stdout.splitlines()
    assert len(printed) == 2 and printed[0].endswith("The cat sleeps on the sofa."), done.stdout
