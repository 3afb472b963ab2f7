#!/usr/bin/env python3
"""Writes src/text/unicode_data.cc: what the published tokenizers do with each code point.

The tables are observed, not copied: every code point is put through the normalizers and pre-tokenizers of the PyPI package
`tokenizers` (made with 0.23.3), because that is what the ids of the published models were made with and its parts follow
different versions of Unicode. Run: pip install tokenizers==0.23.3; tools/make_unicode_data.py > src/text/unicode_data.cc
"""
import sys

import tokenizers
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers

CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
HANGUL = range(0xAC00, 0xAC00 + 11172)
DROP, SPACE, CJK, PUNCT, MARK, DECOMPOSES, HAS_LOWER, WORD, REORDERS = (1 << i for i in range(9))
# One mark of each canonical combining class there is, in order of class.
CLASS_MARKS = (
    (1, 0x334), (7, 0x93C), (8, 0x3099), (9, 0x94D), (10, 0x5B0), (11, 0x5B1), (12, 0x5B2), (13, 0x5B3), (14, 0x5B4),
    (15, 0x5B5), (16, 0x5B6), (17, 0x5B7), (18, 0x5B8), (19, 0x5B9), (20, 0x5BB), (21, 0x5BC), (22, 0x5BD), (23, 0x5BF),
    (24, 0x5C1), (25, 0x5C2), (26, 0xFB1E), (27, 0x64B), (28, 0x64C), (29, 0x64D), (30, 0x64E), (31, 0x64F), (32, 0x650),
    (33, 0x651), (34, 0x652), (35, 0x670), (36, 0x711), (84, 0xC55), (91, 0xC56), (103, 0xE38), (107, 0xE48), (118, 0xEB8),
    (122, 0xEC8), (129, 0xF71), (130, 0xF72), (132, 0xF74), (202, 0x327), (214, 0x1DCE), (216, 0x31B), (218, 0x302A), (220, 0x316),
    (222, 0x59A), (224, 0x302E), (226, 0x1D16D), (228, 0x5AE), (230, 0x300), (232, 0x315), (233, 0x35C), (234, 0x35D), (240, 0x345))


def bert(**on):
    off = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    return normalizers.BertNormalizer(**{**off, **on}).normalize_str


def observe():
    clean, cjk, strip = bert(clean_text=True), bert(handle_chinese_chars=True), bert(strip_accents=True)
    lower, nfd, split = bert(lowercase=True), normalizers.NFD().normalize_str, pre_tokenizers.BertPreTokenizer().pre_tokenize_str
    probe = Tokenizer(models.WordPiece({"[UNK]": 0}, unk_token="[UNK]"))
    probe.add_tokens([AddedToken("\u4e00\u4e01x", single_word=True, normalized=False)])
    flags, decomposition, lowered = {}, {}, {}
    for c in CODE_POINTS:
        ch, f = chr(c), 0
        f |= {"ab": DROP, "a b": 0}.get(clean("a" + ch + "b"), 0)
        if cjk(ch) != ch:
            f |= CJK
        pieces = [p for p, _ in split("a" + ch + "b")]
        f |= SPACE if pieces == ["a", "b"] else PUNCT if pieces == ["a", ch, "b"] else 0
        assert f & DROP or (clean("a" + ch + "b") == "a b") == bool(f & SPACE), hex(c)
        if nfd(ch) != ch:
            f |= DECOMPOSES
            decomposition[c] = nfd(ch)
        elif strip(ch) == "":
            f |= MARK
        if lower(ch) != ch:
            f |= HAS_LOWER
            lowered[c] = lower(ch)
        if len(probe.encode(ch + "\u4e00\u4e01x").tokens) == 1:
            f |= WORD
        flags[c] = f
    for c in CODE_POINTS:  # stripping is a filter of single marks after the decomposition
        kept = "".join(d for d in decomposition.get(c, chr(c)) if not flags[ord(d)] & MARK)
        assert strip(chr(c)) == kept, hex(c)
    return flags, decomposition, lowered, classes(nfd)


def classes(nfd):
    """The combining class of each code point, from which marks it changes places with."""
    def swaps(first, second):
        return first != second and nfd("a" + first + second) == "a" + second + first

    found = {}
    for c in CODE_POINTS:
        ch = chr(c)
        if nfd(ch) != ch or not (swaps(chr(0x345), ch) or swaps(ch, chr(0x334)) or c in (0x345, 0x334)):
            continue
        equal = [k for k, mark in CLASS_MARKS if not swaps(ch, chr(mark)) and not swaps(chr(mark), ch)]
        assert len(equal) == 1, (hex(c), equal)
        found[c] = equal[0]
    return found


def wrap(items, indent="    ", width=119):
    line, lines = indent, []
    for item in items:
        if len(line) + len(item) + 1 > width:
            lines.append(line.rstrip())
            line = indent
        line += item + " "
    return "\n".join(lines + [line.rstrip()])


def runs(mapping):
    """(first, last, value) of neighbours that share a value."""
    out = []
    for c in sorted(mapping):
        if out and out[-1][1] == c - 1 and out[-1][2] == mapping[c]:
            out[-1][1] = c
        else:
            out.append([c, c, mapping[c]])
    return out


def main():
    flags, decomposition, lowered, combining = observe()
    for c in combining:
        flags[c] |= REORDERS
    for c in HANGUL:  # arithmetic, not a table
        s = c - 0xAC00
        tail = chr(0x11A7 + s % 28) if s % 28 else ""
        assert decomposition.pop(c) == chr(0x1100 + s // 588) + chr(0x1161 + s % 588 // 28) + tail
    kinds = sorted(set(flags.values()))
    assert len(kinds) <= 26
    letter = {kind: chr(ord("A") + i) for i, kind in enumerate(kinds)}
    blocks, block_of = {}, []
    for base in range(0, 0x110000, 256):
        text = "".join(letter[flags.get(c, 0)] for c in range(base, base + 256))
        block_of.append(blocks.setdefault(text, len(blocks)))
    assert len(blocks) <= 256

    print(f"// Made by tools/make_unicode_data.py from what the PyPI package tokenizers {tokenizers.__version__} does. Do not edit.")
    print('#include "text/unicode_data.h"\n\n// clang-format off\nnamespace lode::text::unicode {\n')
    print(f"const std::array<uint16_t, {len(kinds)}> kKindFlags = {{\n" + wrap(f"{k}," for k in kinds) + "\n};\n")
    print(f"const std::array<const char*, {len(blocks)}> kBlocks = {{")
    for text in blocks:
        print(f'    "{text[:112]}"\n    "{text[112:224]}" "{text[224:]}",')
    print("};\n")
    print(f"const std::array<uint8_t, {len(block_of)}> kBlockOf = {{\n" + wrap(f"{b}," for b in block_of) + "\n};\n")

    def mapping(name, table):
        pool, rows = [], []
        for c, text in sorted(table.items()):
            rows.append(f"{{{c},{len(pool)},{len(text)}}},")
            pool += [ord(d) for d in text]
        print(f"const std::array<Mapping, {len(rows)}> k{name} = {{{{\n" + wrap(rows) + "\n}};\n")
        print(f"const std::array<char32_t, {len(pool)}> k{name}Text = {{\n" + wrap(f"{d}," for d in pool) + "\n};\n")

    mapping("Decompositions", decomposition)
    mapping("Lowercase", lowered)
    rows = [f"{{{a},{b},{v}}}," for a, b, v in runs(combining)]
    print(f"const std::array<ClassRange, {len(rows)}> kCombiningClasses = {{{{\n" + wrap(rows) + "\n}};\n")
    print("}  // namespace lode::text::unicode")
    print(f"{len(kinds)} kinds, {len(blocks)} blocks, {len(decomposition)} decompositions, {len(lowered)} lowercase, "
          f"{len(combining)} marks", file=sys.stderr)


if __name__ == "__main__":
    main()
