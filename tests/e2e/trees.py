"""Trees of files for tests to index, and the home whose store has the default model alone."""


def write_files(folder, files):
    """files: {path: text or bytes} -> folder"""
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def write_home(home, default_model):
    """-> home, for LODE_HOME"""
    (home / "models").mkdir(parents=True)
    (home / "models" / default_model.name).symlink_to(default_model)
    return home
