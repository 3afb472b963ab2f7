#!/usr/bin/env python3
"""sentence-transformers as an engine of `lode bench model --against`, in f32 or (--bf16) BF16.

    lode bench model --texts docs.jsonl --against 'st=PYTHON,flags=bench/sentence_transformers_peer.py --folder MODEL --bf16'

The protocol is docs/performance.md's. Needs sentence-transformers and a torch of your choice.
"""
import argparse

import peer


def engine(args):
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(args.threads)
    torch.set_grad_enabled(False)
    model = SentenceTransformer(args.folder, device="cpu")
    if args.bf16:
        model = model.to(torch.bfloat16)

    def embed(texts):
        return model.encode(texts, batch_size=args.batch, show_progress_bar=False, convert_to_tensor=True,
                            normalize_embeddings=True).float().numpy()

    return embed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", required=True)
    parser.add_argument("--bf16", action="store_true")
    parser.add_argument("--batch", type=int, default=32)
    args = peer.arguments(parser)
    peer.answer(args, engine(args), "bf16" if args.bf16 else "f32")


if __name__ == "__main__":
    main()
