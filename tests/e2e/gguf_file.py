"""A GGUF file in its parts: the gguf package's reader takes seconds for a vocabulary."""
import struct
from pathlib import Path

import numpy as np
import xxhash

SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}  # kinds of one size
FORMATS = {4: "<I", 5: "<i", 6: "<f", 7: "<?"}
TYPES = {0: (1, 4), 1: (1, 2), 2: (32, 18), 8: (32, 34), 24: (1, 1), 30: (1, 2)}  # elements and bytes of a block


class GgufFile:
    """keys: raw bytes by name, as they lie in the file. tensors: (dims, type, bytes) by name; dims innermost first."""

    def __init__(self, path):
        self.raw, self.at = Path(path).read_bytes(), 24
        assert self.raw[:8] == b"GGUF\x03\0\0\0"
        n_tensors, n_keys = struct.unpack_from("<QQ", self.raw, 8)
        self.keys, self.values = {}, {}
        for _ in range(n_keys):
            start = self.at
            key = self._text()
            self.values[key] = self._value()
            self.keys[key] = self.raw[start:self.at]
        infos = [(self._text(), self._take(f"<{self._take('<I')[0]}Q"), *self._take("<IQ")) for _ in range(n_tensors)]
        self.data_start = -(-self.at // 32) * 32
        self.tensors, self.places = {}, {}
        for name, dims, kind, offset in infos:
            block, n_bytes = TYPES[kind]
            n = int(np.prod(dims)) // block * n_bytes
            self.places[name] = self.data_start + offset
            self.tensors[name] = (dims, kind, self.raw[self.data_start + offset:][:n])

    def f32(self, name):
        dims, kind, data = self.tensors[name]
        assert kind == 0
        return np.frombuffer(data, np.float32).reshape(dims[::-1])

    def _take(self, form):
        out = struct.unpack_from(form, self.raw, self.at)
        self.at += struct.calcsize(form)
        return out

    def _text(self):
        n, = self._take("<Q")
        self.at += n
        return self.raw[self.at - n:self.at].decode()

    def _value(self):
        kind, = self._take("<I")
        if kind == 8:
            return self._text()
        if kind in FORMATS:
            return self._take(FORMATS[kind])[0]
        assert kind == 9
        element, n = self._take("<IQ")
        if element == 8:
            return [self._text() for _ in range(n)]
        values = self._take(f"<{n}i") if element == 5 else None
        if values is None:
            self.at += n * SIZES[element]
        return values


def text(value):
    return struct.pack("<Q", len(value)) + value.encode()


def texts(key, values):
    return text(key) + struct.pack("<IIQ", 9, 8, len(values)) + b"".join(map(text, values))


def numbers(key, values):
    return text(key) + struct.pack(f"<IIQ{len(values)}i", 9, 5, len(values), *values)


def write(path, keys, tensors):
    head, data = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(keys)) + b"".join(keys.values()), b""
    for name, (dims, kind, content) in tensors.items():
        head += text(name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, kind, len(data))
        data += content + bytes(-len(content) % 32)
    Path(path).write_bytes(head + bytes(-len(head) % 32) + data)


def write_rounded(path, file, types, sizes):
    """A file of `lode convert --to int4` with other types and sizes (rows, columns, group) of its rounded tensors; checksum included."""
    mark = "lode.rounded."
    keys = {name: value for name, value in file.keys.items() if not name.startswith(mark) or name == mark + "version"}
    keys[mark + "tensors"] = texts(mark + "tensors", list(types))
    keys[mark + "types"] = texts(mark + "types", list(types.values()))
    for i, name in enumerate(("rows", "columns", "groups")):
        keys[mark + name] = numbers(mark + name, [sizes[tensor][i] for tensor in types])
    keys[mark + "check"] = text(mark + "check") + struct.pack("<IIQ", 9, 0, 8) + bytes(8)
    write(path, keys, file.tensors)
    raw = bytearray(Path(path).read_bytes())
    at = raw.rindex(b"lode.rounded.check") + len(b"lode.rounded.check") + 16
    start = GgufFile(path).data_start
    raw[at:at + 8] = xxhash.xxh3_64(bytes(raw[:start])).intdigest().to_bytes(8, "little")
    Path(path).write_bytes(raw)
