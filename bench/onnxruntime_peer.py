#!/usr/bin/env python3
"""ONNX Runtime as an engine of `lode bench model --against`: a BERT of sentence-transformers, mean-pooled and normalised.

    lode bench model --texts docs.jsonl --against 'ort=PYTHON,flags=bench/onnxruntime_peer.py --onnx model.onnx --folder MODEL'

--folder is the model's folder in Hugging Face layout (its tokenizer and length limit), --onnx the network that
bench/make_onnx.py made of it. The protocol is docs/performance.md's. Needs bench/requirements-peers.txt.
"""
import argparse
from pathlib import Path

import peer


def engine(args):
    import numpy as np
    import onnxruntime as ort
    from tokenizers import Tokenizer

    options = ort.SessionOptions()
    options.intra_op_num_threads = args.threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = ort.InferenceSession(args.onnx, options, providers=["CPUExecutionProvider"])
    tokenizer = Tokenizer.from_file(str(Path(args.folder) / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(peer.max_tokens(args.folder))
    inputs = {one.name: np.int32 if "int32" in one.type else np.int64 for one in session.get_inputs()}

    def embed(texts):
        ids = [encoding.ids for encoding in tokenizer.encode_batch(texts)]
        order = sorted(range(len(ids)), key=lambda i: -len(ids[i]))  # texts of one length share a batch, so little is padded
        vectors = [None] * len(ids)
        for start in range(0, len(order), args.batch):
            batch = order[start:start + args.batch]
            shape = (len(batch), max(len(ids[i]) for i in batch))
            feed = {"input_ids": np.zeros(shape), "attention_mask": np.zeros(shape), "token_type_ids": np.zeros(shape)}
            for row, i in enumerate(batch):
                feed["input_ids"][row, :len(ids[i])] = ids[i]
                feed["attention_mask"][row, :len(ids[i])] = 1
            hidden = session.run(None, {name: feed[name].astype(dtype) for name, dtype in inputs.items()})[0]
            mask = feed["attention_mask"][:, :, None].astype(np.float32)
            pooled = (hidden * mask).sum(1) / mask.sum(1)
            pooled /= np.maximum(np.linalg.norm(pooled, axis=1, keepdims=True), 1e-12)
            for row, i in enumerate(batch):
                vectors[i] = pooled[row]
        return vectors

    return embed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--onnx", required=True)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--batch", type=int, default=32)
    args = peer.arguments(parser)
    peer.answer(args, engine(args), "int8" if "int8" in Path(args.onnx).name else "f32")


if __name__ == "__main__":
    main()
