"""Trees of the packed repositories of swebench_lite: `NAME.index.tsv.xz` says which files each has, `NAME.blobs.xz` holds them."""
import lzma


def write_tree(corpus, name, instance, folder):
    """The files of one instance's tree, written below `folder`."""
    blobs, files, found = {}, {}, None
    with lzma.open(corpus / f"{name}.index.tsv.xz", "rt") as lines:
        for line in lines:
            kind, *rest = line.rstrip("\n").split("\t")
            if kind == "B":
                blobs[rest[0]] = (int(rest[1]), int(rest[2]))
            elif kind == "I":
                if found:
                    break
                found = rest[0] == instance
            elif kind == "+":
                files[rest[0]] = rest[1]
            elif kind == "-":
                del files[rest[0]]
    assert found, f"{name} has no instance {instance}"
    data = lzma.open(corpus / f"{name}.blobs.xz").read()
    for path, blob in files.items():
        offset, length = blobs[blob]
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data[offset:offset + length])
