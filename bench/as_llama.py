#!/usr/bin/env python3
"""A GGUF file of the architecture `llama-embed` under the name `llama`, which older engines know: the same tensors, attention causal.

    bench/as_llama.py IN.gguf OUT.gguf      (needs gguf of tests/requirements.txt)
"""
import re
import shutil
import struct
import sys

import gguf

ALIGNMENT = 32


def renamed(head):
    """Every string that begins with the name, its length in front of it corrected."""
    out, done = bytearray(), 0
    for found in re.finditer(rb"llama-embed", head):
        at = found.start() - 8
        length, = struct.unpack("<Q", head[at:at + 8])
        out += head[done:at] + struct.pack("<Q", length - len("-embed")) + b"llama"
        done = found.end()
    return out + head[done:]


def main(source, target):
    reader = gguf.GGUFReader(source)
    fields = [tensor.field for tensor in reader.tensors]
    end = max(field.offset + sum(part.nbytes for part in field.parts) for field in fields)
    with open(source, "rb") as data, open(target, "wb") as out:
        head = renamed(data.read(end))
        out.write(head + bytes(-len(head) % ALIGNMENT))
        data.seek(reader.data_offset)
        shutil.copyfileobj(data, out, 1 << 24)


main(*sys.argv[1:])
