#!/usr/bin/env python3
"""Checks the source tree against tools/floors.txt: check_floors.py [ROOT]

* a file includes only its own room and the rooms that its line allows, by a path that exists ("room/file.h")
* a heavy third-party header is included by the files or folders that its line names and by no other
* a room's CMakeLists.txt lists every .cc of the room, links only allowed rooms, and links (perhaps through another room)
  every room it includes
* no file under src/ is longer than 450 lines, tables apart whose first line is "// Made by tools/NAME ..."
Prints file:line and the rule for each violation, and exits 1 if there is one. Standard library only.
"""
import re
import sys
from pathlib import Path

MAX_LINES = 450
INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')


def read_table(path):
    """-> ({room: allowed rooms}, {header prefix: allowed files}); rooms stand lowest floor first."""
    rooms, headers = {}, {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        line = line.split("#")[0].strip()
        if not line:
            continue
        name, colon, rest = line.partition(":")
        if not colon:
            sys.exit(f"{path}:{number}: expected `room: rooms` or `<header: files`, found {line!r}")
        if name.startswith("<"):
            headers[name[1:]] = set(rest.split())
            continue
        allowed = list(rooms) if rest.split() == ["*"] else rest.split()
        for other in allowed:
            if other not in rooms:
                sys.exit(f"{path}:{number}: {name} may include {other}, which does not stand on a lower floor (above it in this file)")
        rooms[name] = set(allowed)
    return rooms, headers


def linked_rooms(cmake_text, room):
    """Rooms that a room's CMakeLists.txt names, as DEPENDS of lode_room or as lode::NAME."""
    text = re.sub(r"#.*", "", cmake_text)
    found = set(re.findall(r"lode::(\w+)", text))
    for call in re.findall(r"lode_room\s*\(([^)]*)\)", text):
        words = call.split()
        if "DEPENDS" in words:
            for word in words[words.index("DEPENDS") + 1:]:
                if word.isupper():
                    break
                found.add(word)
    return found - {room}


def check(root):
    rooms, headers = read_table(root / "tools/floors.txt")
    problems = []
    src = root / "src"
    links, includes = {}, {room: {} for room in rooms}
    for cmake in sorted(src.glob("*/CMakeLists.txt")):
        room, text = cmake.parent.name, cmake.read_text()
        links[room] = linked_rooms(text, room)
        for other in sorted(links[room] - rooms.get(room, set())):
            problems.append(f"{cmake.relative_to(root)}:1: {room} links {other}, which tools/floors.txt does not allow")
        listed = set(re.findall(r"[\w/]+\.cc\b", re.sub(r"#.*", "", text)))
        for source in sorted(cmake.parent.rglob("*.cc")):
            if source.relative_to(cmake.parent).as_posix() not in listed:
                problems.append(f"{source.relative_to(root)}:1: not listed in {cmake.relative_to(root)}")

    for path in sorted(p for p in src.rglob("*") if p.suffix in (".cc", ".h")):
        name, where = path.relative_to(src).as_posix(), path.relative_to(root)
        room = name.split("/")[0]
        if room not in rooms:
            problems.append(f"{where}:1: {room} is no room of tools/floors.txt")
            continue
        lines = path.read_text().splitlines()
        made_by = re.match(r"// Made by (tools/\S+)", lines[0] if lines else "")
        if len(lines) > MAX_LINES and not (made_by and (root / made_by[1]).is_file()):
            problems.append(f"{where}:{MAX_LINES + 1}: {len(lines)} lines, at most {MAX_LINES}: one noun a file")
        for number, line in enumerate(lines, 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            own, foreign = match.groups()
            if foreign:
                for prefix, allowed in headers.items():
                    if foreign.startswith(prefix) and not any(name == a or a.endswith("/") and name.startswith(a) for a in allowed):
                        problems.append(f"{where}:{number}: includes <{foreign}>, which is only for {', '.join(sorted(allowed))}")
                continue
            other = own.split("/")[0]
            if not (src / own).is_file():
                problems.append(f'{where}:{number}: includes "{own}", which is not a file under src/ (write "room/file.h")')
            elif other != room and other not in rooms[room]:
                problems.append(f"{where}:{number}: {room} includes {own}, but may include only: {' '.join(sorted(rooms[room])) or 'itself'}")
            elif other != room:
                includes[room].setdefault(other, f"{where}:{number}")

    for room, used in includes.items():
        reached, open_rooms = set(), [room]
        while open_rooms:
            for other in links.get(open_rooms.pop(), set()) - reached:
                reached.add(other)
                open_rooms.append(other)
        for other in sorted(set(used) - reached):
            problems.append(f"{used[other]}: {room} includes {other}, but src/{room}/CMakeLists.txt does not link it")
    return problems


if __name__ == "__main__":
    found = check(Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent).resolve())
    print("\n".join(found) if found else "floors: ok")
    sys.exit(bool(found))
