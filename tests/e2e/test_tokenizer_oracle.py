"""`lode tokenize` against the PyPI package `tokenizers` on the same files: every code point, and texts made to disagree."""
import json
import os
import random
import unicodedata

import pytest

os.environ["TOKENIZERS_PARALLELISM"] = "false"
tokenizers = pytest.importorskip("tokenizers", reason="the oracle, the PyPI package tokenizers, is not installed")

CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
SPECIALS = ["<s>", "</s>", "<unk>", "[CLS]", "[SEP]", "[UNK]", "[MASK]", "<", "</", "s>", "[", "]"]


@pytest.fixture
def agree(run, tmp_path):
    """agree(folder, texts, reference=folder): both give the same ids for each text; the first that differ are shown."""

    def check(folder, texts, reference=None):
        rows = tmp_path / "texts.jsonl"
        rows.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
        ours = [json.loads(line) for line in run("tokenize", rows, "--model", folder).stdout.splitlines()]
        oracle = tokenizers.Tokenizer.from_file(str((reference or folder) / "tokenizer.json"))
        oracle.no_truncation()
        oracle.no_padding()
        theirs = [encoding.ids for encoding in oracle.encode_batch(texts)]
        assert len(ours) == len(texts)
        differ = [(ascii(t[:100]), a[:20], b[:20]) for t, a, b in zip(texts, ours, theirs, strict=True) if a != b]
        assert not differ, f"{len(differ)} of {len(texts)} texts: {differ[:5]}"

    return check


@pytest.fixture
def mistral(shared):
    return shared / "golden/tokenizer"


@pytest.fixture
def mistral_model_only(mistral, tmp_path):
    folder = tmp_path / "model-only"
    folder.mkdir()
    for name in ("tokenizer.model", "tokenizer_config.json"):
        (folder / name).symlink_to(mistral / name)
    return folder


def in_contexts(code_points, per_text=64):
    """Texts with each code point alone, between letters and before a mark."""
    shown = [f"{chr(c)} a{chr(c)}b {chr(c)}\u0323 " for c in code_points]
    return ["".join(shown[i:i + per_text]) for i in range(0, len(shown), per_text)]


def random_texts(seed, n, alphabet, longest=40):
    rng = random.Random(seed)
    return ["".join(rng.choices(alphabet, k=rng.randrange(longest))) for _ in range(n)]


def hard_texts(seed):
    """Texts of marks, spaces, controls, odd letters, runs and special tokens."""
    marks = [chr(c) for c in CODE_POINTS if c < 0x20000 and unicodedata.category(chr(c))[0] == "M"]
    odd = list("\u0130\u0131\u03a3\u03c2\u1e9e\u00df\ufb01\ufdfa\uac00\ud7a3\u1100\u1161\u11a8\u0085\u2028\u2029\u00a0\u3000\u200b"
               "\u200d\ufeff\ufffd\ufffe\ue000\U000e0001\U0010ffff\u6771\uf900\U0002f800\U0001f642\u2581\x00\x01\x7f\x1c\t\n\r")
    plain = list("aabbcdeefghinorstABC019 .,;:!?'\"()_-/#") + [" ", "  ", "\n", "\t"]
    everything = [chr(c) for c in CODE_POINTS if c < 0x3000 or c % 97 == 0]
    rng = random.Random(seed)
    runs = [ch * n for ch in ["a", " ", "\n", "\t", "=", "-", "\u00e9", "\u0301", "\u6771", "ab", "<s>"] for n in (1, 2, 15, 16, 17, 99, 700)]
    return (random_texts(seed, 1500, marks + plain) + random_texts(seed + 1, 1500, odd + plain) +
            random_texts(seed + 2, 1500, SPECIALS + plain) + random_texts(seed + 3, 1500, everything) + runs +
            ["".join(rng.choices("etaoinshr", k=3000)) for _ in range(10)] + ["".join(rng.choices("ab", k=3000)) for _ in range(10)])


def own_files(root):
    """This project's texts and sources, whole and by line."""
    paths = sorted(p for d in ("src/text", "tests/text", "docs", "tools") for p in (root / d).rglob("*") if p.is_file())
    texts = [p.read_text() for p in [root / "README.md", *paths] if p.suffix in (".md", ".cc", ".h", ".py", ".txt")]
    return texts + [line for text in texts[:12] for line in text.splitlines()]


def test_mistral_every_code_point(agree, mistral):
    agree(mistral, in_contexts(CODE_POINTS))


def test_mistral_model_alone_every_seventh_code_point(agree, mistral, mistral_model_only):
    agree(mistral_model_only, in_contexts(CODE_POINTS[::7]), mistral)


def test_minilm_every_code_point(agree, default_model):
    agree(default_model, in_contexts(CODE_POINTS))


def test_mistral_hard_texts(agree, mistral, mistral_model_only, root):
    texts = hard_texts(1) + own_files(root)
    agree(mistral, texts)
    agree(mistral_model_only, texts, mistral)


def test_minilm_hard_texts(agree, default_model, root):
    agree(default_model, hard_texts(2) + own_files(root))


def added(index, content, **flags):
    return {"id": index, "content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
            "special": True, **flags}


def word_piece(vocab, added_tokens=(), **normalizer):
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": list(added_tokens),
            "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None,
                           "lowercase": True, **normalizer},
            "pre_tokenizer": {"type": "BertPreTokenizer"}, "post_processor": None, "decoder": None,
            "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                      "max_input_chars_per_word": 100, "vocab": vocab}}


@pytest.fixture
def written(tmp_path):
    def write(file):
        folder = tmp_path / "written"
        folder.mkdir(exist_ok=True)
        (folder / "tokenizer.json").write_text(json.dumps(file))
        return folder

    return write


@pytest.mark.parametrize("normalizer", [
    {}, {"strip_accents": False}, {"lowercase": False, "strip_accents": True},
    {"clean_text": False, "handle_chinese_chars": False, "lowercase": False}], ids=str)
def test_bert_normalizer_letter_by_letter(agree, written, root, normalizer):
    """With a vocabulary of single characters the ids spell out the normalised text, so nothing hides behind [UNK]."""
    made_with = (root / "src/text/unicode_data.cc").read_text().split(" does.")[0].split()[-1]
    if tokenizers.__version__ != made_with:
        pytest.skip(f"tokenizers is {tokenizers.__version__}, the tables were made with {made_with}")
    letters = [c for c in CODE_POINTS if c < 0x3400 or 0xA000 <= c < 0xAC40 or 0xF900 <= c < 0x12000 or 0x16000 <= c < 0x17000
               or 0x1D000 <= c < 0x1F000 or c % 251 == 0]
    vocab = {"[UNK]": 0}
    for c in letters:
        vocab.setdefault(chr(c), len(vocab))
        vocab.setdefault("##" + chr(c), len(vocab))
    agree(written(word_piece(vocab, **normalizer)), in_contexts(letters) + hard_texts(3))


def test_added_tokens_with_every_flag(agree, written):
    rng = random.Random(5)
    contents = ["ab", "abc", "b", "AB", "\u00c9", "a b", " ab", "\u6771", "<x>", "x"]
    texts = random_texts(6, 1500, list("aabbccxAB<> \u00e9\u00c9\u0301\u6771_-\t\n\u3000"), 20)
    for _ in range(12):
        vocab = {"[UNK]": 0}
        for ch in "abcx<>e":
            vocab |= {ch: len(vocab), "##" + ch: len(vocab) + 1}
        chosen = rng.sample(contents, 5)
        tokens = [added(vocab.get(c, 100 + i), c, **{flag: rng.random() < 0.4 for flag in
                                                     ("single_word", "lstrip", "rstrip", "normalized", "special")})
                  for i, c in enumerate(chosen)]
        # The oracle numbers new tokens itself, one after the other.
        new = [t for t in tokens if t["content"] not in vocab]
        for i, token in enumerate(new):
            token["id"] = len(vocab) + i
        agree(written(word_piece(vocab, sorted(tokens, key=lambda t: t["id"]))), texts)


def random_bpe(rng):
    vocab = {"<unk>": 0, **{f"<0x{byte:02X}>": 1 + byte for byte in range(256)}}
    for ch in "\u2581abc\u00e9":
        vocab[ch] = len(vocab)
    merges = []
    for _ in range(rng.randrange(1, 60)):
        left, right = (rng.choice([p for p in vocab if not p.startswith("<")]) for _ in range(2))
        if len(left + right) <= 12 and [left, right] not in merges:
            vocab.setdefault(left + right, len(vocab))
            merges.append([left, right])
    rng.shuffle(merges)
    space = {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}
    metaspace = {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": rng.choice(["always", "first", "never"]),
                 "split": rng.random() < 0.5}
    normalizer = {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "\u2581"}, space]}
    with_metaspace = rng.random() < 0.5
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [added(0, "<unk>")],
            "normalizer": None if with_metaspace else rng.choice([normalizer, space]),
            "pre_tokenizer": metaspace if with_metaspace else None, "post_processor": None, "decoder": None,
            "model": {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None,
                      "end_of_word_suffix": None, "fuse_unk": rng.random() < 0.5, "byte_fallback": rng.random() < 0.7,
                      "ignore_merges": False, "vocab": vocab, "merges": merges}}


def test_random_merge_tables(agree, written):
    rng = random.Random(7)
    for seed in range(25):
        texts = random_texts(seed, 300, list("aabbcc  \u00e9xy\u6771") + ["<unk>"], 40)
        texts += ["".join(rng.choices("abc", weights=(6, 3, 1), k=1500)), "a" * 1000, "ab" * 700, "aab" * 500]
        agree(written(random_bpe(rng)), texts)
