"""Instructions of the kernels on the AVX2 path, counted by callgrind: the same on every machine, so that a change for the worse is seen
where no clock can be trusted. `LODE_WRITE_COUNTS=1` writes what was counted into files/instruction_counts.json."""
import json
import os
import re
import subprocess
from pathlib import Path

import pytest

KNOWN = Path(__file__).parent / "files/instruction_counts.json"
MOST = 1.03  # of what is known; compilers of one version differ by less


@pytest.fixture(scope="module")
def program(lode):
    path = Path(lode).parent / "tests/kernels/instruction_counts"
    assert path.is_file(), f"{path} is missing: run make release-test"
    if "avx2" not in open("/proc/cpuinfo").read():
        pytest.skip("this CPU has no avx2")
    return path


def count(program, case, tmp_path):
    out = tmp_path / "callgrind.out"
    subprocess.run(["valgrind", "--tool=callgrind", "--toggle-collect=counted_case", f"--callgrind-out-file={out}", program, case],
                   check=True, capture_output=True, text=True, timeout=300, env={**os.environ, "LODE_ISA": "avx2"})
    return int(re.search(r"^(?:totals|summary): (\d+)", out.read_text(), re.M).group(1))


def test_no_kernel_takes_more_instructions_than_it_did(program, tmp_path):
    cases = subprocess.run([program], check=True, capture_output=True, text=True,
                           env={**os.environ, "LODE_ISA": "avx2"}).stdout.splitlines()
    counts = {case: count(program, case, tmp_path) for case in cases}
    if os.environ.get("LODE_WRITE_COUNTS"):
        KNOWN.write_text(json.dumps(counts, indent=1) + "\n")
    known = json.loads(KNOWN.read_text())
    print({case: f"{n} ({n / known[case]:.3f})" for case, n in counts.items()})
    assert counts.keys() == known.keys()
    worse = {case: n / known[case] for case, n in counts.items() if n > MOST * known[case]}
    assert not worse, "more instructions than before; if they are worth it, LODE_WRITE_COUNTS=1 keeps the new counts"
