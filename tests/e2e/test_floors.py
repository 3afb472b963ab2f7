"""tools/check_floors.py on small trees: clean ones pass, each planted violation is named with its file and line."""
import subprocess
import sys

import pytest

TABLE = """\
# room: rooms
base:
text: base
embed: base text
apps: *
<heavy/: text/dictionary.cc
<light/: base/ apps/
"""
TREE = {
    "base/CMakeLists.txt": "lode_room(base SOURCES error.cc LIBRARIES fmt::fmt)",
    "base/error.h": "#pragma once\n",
    "base/error.cc": '#include "base/error.h"\n\n#include <string>\n#include <light/lamp.h>\n',
    "text/CMakeLists.txt": "lode_room(text SOURCES dictionary.cc DEPENDS base)",
    "text/dictionary.h": '#pragma once\n#include "base/error.h"\n',
    "text/dictionary.cc": '#include "text/dictionary.h"\n#include <heavy/map.h>\n',
    "embed/CMakeLists.txt": "lode_room(embed SOURCES queue.cc\n  DEPENDS text)",
    "embed/queue.cc": '#include "text/dictionary.h"\n#include "base/error.h"\n',
    "apps/CMakeLists.txt": "add_executable(lode main.cc)\ntarget_link_libraries(lode PRIVATE lode::embed)",
    "apps/main.cc": '#include "text/dictionary.h"\n',
}


@pytest.fixture
def check(root, tmp_path):
    """check({path: text}) -> (exit code, output) on the clean tree with these files replaced."""

    def run(changes, table=TABLE):
        (tmp_path / "tools").mkdir()
        (tmp_path / "tools/floors.txt").write_text(table)
        for name, text in {**TREE, **changes}.items():
            path = tmp_path / "src" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        done = subprocess.run([sys.executable, root / "tools/check_floors.py", tmp_path], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL)
        return done.returncode, done.stdout + done.stderr

    return run


def test_a_clean_tree_passes(check):
    assert check({}) == (0, "floors: ok\n")


def test_the_last_line_allowed_is_line_450(check):
    assert check({"base/error.cc": "\n" * 450})[0] == 0


def test_a_table_made_by_a_tool_of_ours_may_be_long(check):
    assert check({"base/error.cc": "// Made by tools/floors.txt from nothing. Do not edit.\n" + "\n" * 450})[0] == 0


@pytest.mark.parametrize("changes,says", [
    ({"base/error.cc": '\n#include "text/dictionary.h"\n'}, "src/base/error.cc:2: base includes text/dictionary.h"),
    ({"text/dictionary.h": '  #  include "embed/queue.h"\n', "embed/queue.h": ""}, "src/text/dictionary.h:1: text includes embed/queue.h"),
    ({"text/dictionary.h": '#include "error.h"\n'}, 'src/text/dictionary.h:1: includes "error.h"'),
    ({"embed/queue.cc": "#include <string>\n#include <heavy/map.h>\n"}, "src/embed/queue.cc:2: includes <heavy/map.h>"),
    ({"embed/queue.cc": "#include <light/lamp.h>\n"}, "src/embed/queue.cc:1: includes <light/lamp.h>, which is only for apps/, base/"),
    ({"text/CMakeLists.txt": "lode_room(text SOURCES dictionary.cc DEPENDS base embed)"}, "src/text/CMakeLists.txt:1: text links embed"),
    ({"base/CMakeLists.txt": "lode_room(base SOURCES error.cc)\ntarget_link_libraries(lode_base PUBLIC lode::text)"},
     "src/base/CMakeLists.txt:1: base links text"),
    ({"text/CMakeLists.txt": "lode_room(text SOURCES dictionary.cc)",
      "embed/CMakeLists.txt": "lode_room(embed SOURCES queue.cc DEPENDS base text)"},
     "src/text/dictionary.h:2: text includes base"),
    ({"base/log.cc": ""}, "src/base/log.cc:1: not listed"),
    ({"attic/old.h": ""}, "src/attic/old.h:1: attic is no room"),
    ({"base/error.cc": "\n" * 451}, "src/base/error.cc:451: 451 lines"),
    ({"base/error.cc": "// Made by tools/nobody.py\n" + "\n" * 450}, "src/base/error.cc:451: 451 lines"),
])
def test_a_violation_is_named(check, changes, says):
    code, output = check(changes)
    assert code == 1
    assert says in output
    assert len(output.splitlines()) == 1, output


def test_a_table_that_goes_up_is_refused(check):
    code, output = check({}, "base: text\ntext:\n")
    assert code == 1
    assert "base may include text, which does not stand on a lower floor" in output
