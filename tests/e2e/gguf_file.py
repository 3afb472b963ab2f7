"""A GGUF file in its parts: the gguf package's reader takes seconds for a vocabulary."""
import struct
from pathlib import Path

import numpy as np

SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}  # kinds of one size
FORMATS = {4: "<I", 5: "<i", 6: "<f", 7: "<?"}
TYPES = {0: (1, 4), 1: (1, 2), 2: (32, 18), 8: (32, 34), 30: (1, 2)}  # elements and bytes of a block


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
        self.at += n * SIZES[element]


def write(path, keys, tensors):
    def text(value):
        return struct.pack("<Q", len(value)) + value.encode()

    head, data = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(keys)) + b"".join(keys.values()), b""
    for name, (dims, kind, content) in tensors.items():
        head += text(name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, kind, len(data))
        data += content + bytes(-len(content) % 32)
    Path(path).write_bytes(head + bytes(-len(head) % 32) + data)
