"""Files that tests of loaders write, and the registry row that reads them."""

import zipfile

from schash.data.registry import load_registry


def dataset(loader, options, *, values="counts", files=(), **row):
    """A registry row for files that a test has written."""
    source = {
        "title": "s", "version": "1", "licence": "CC0", "citation": [{"key": "k", "text": "t"}],
        "files": [{"name": name, "manual": "written by the test"} for name in files],
    }  # fmt: skip
    row = {"source": "s", "loader": loader, "options": options, "values": values, "stand_in_for": "TM"} | row
    return load_registry({"sources": {"s": source}, "datasets": {"tiny": row}}).dataset("tiny")


def zipped(path, *, packing=zipfile.ZIP_STORED, **members):
    with zipfile.ZipFile(path, "w", packing) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return path


def damage(path, member):
    """Make the packed bytes of a member of a zip begin with a kind of block that deflate does not know."""
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo(member)
        assert info.compress_type == zipfile.ZIP_DEFLATED
    content = bytearray(path.read_bytes())
    content[info.header_offset + 30 + len(member)] |= 0b110
    path.write_bytes(content)
