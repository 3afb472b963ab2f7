"""Rounded matrices of GGUF files read as docs/formats.md describes them, in numpy: an oracle that shares nothing with the program."""
import numpy as np

STEPS = np.array([68, 63, 59, 55, 51, 47, 44, 41, 38, 35, 33, 31, 28, 19, 12, 8])


def hadamard(x):
    """Walsh-Hadamard transform of the last axis, a power of two."""
    n = x.shape[-1]
    matrix = np.ones((1, 1))
    while len(matrix) < n:
        matrix = np.block([[matrix, matrix], [matrix, -matrix]])
    return x @ matrix / np.sqrt(n)


def rotate(x):
    k = x.shape[-1]
    signs = np.where(np.random.RandomState(1).randint(0, 2**32, 4096, dtype=np.uint32) & 1, 1.0, -1.0)
    x = x * signs[np.arange(k) % 4096]
    power = k & -k
    m = k // power
    if power < 64 or m > 15:
        parts, n = [], 128
        while k > sum(part.shape[-1] for part in parts):
            at = sum(part.shape[-1] for part in parts)
            if k - at >= n:
                parts.append(hadamard(x[:, at:at + n]))
            else:
                n //= 2
        return np.concatenate(parts, -1)
    blocks = hadamard(x.reshape(len(x), m, power))
    angle = 2 * np.pi * np.outer(np.arange(m), np.arange(m)) / m
    return np.einsum("ij,rjp->rip", (np.cos(angle) + np.sin(angle)) / np.sqrt(m), blocks).reshape(len(x), k)


def read(data, kind, n, k, group):
    """The matrix [n, k] as it was rounded, `group` elements to a scale, still rotated where `kind` says so."""
    groups, panels = -(-k // group), -(-n // 16)
    scales = np.frombuffer(data[len(data) - panels * groups * 64:], "<f4").reshape(panels, groups, 16)
    body = np.frombuffer(data[:len(data) - panels * groups * 64], np.uint8)
    if kind.startswith("int8"):
        steps = body.view(np.int8).reshape(panels, -1, 16, 4).transpose(0, 2, 1, 3)
    else:
        blocks = body.reshape(panels, -1, 272)
        codes, packed = blocks[:, :, :16].astype(int), blocks[:, :, 16:].reshape(panels, -1, 8, 8, 4)
        numbers = np.concatenate([packed & 15, packed >> 4], 3).transpose(0, 3, 1, 2, 4).astype(int)  # row, block, step, element
        step = STEPS[codes % 16].transpose(0, 2, 1)[..., None, None]
        offset = np.floor((94 - 3 * (codes // 16)).transpose(0, 2, 1)[..., None, None] * step / 80 + 0.5).astype(int)
        steps = np.clip((numbers * step - 8 * offset) // 4, -128, 127)
    steps = steps.reshape(panels, 16, -1)[:, :, :k]
    weights = steps * np.repeat(scales, group, 1)[:, :k].transpose(0, 2, 1)
    return weights.reshape(-1, k)[:n]
