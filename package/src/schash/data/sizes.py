"""Numbers of bytes for people to read."""


def in_words(size: float) -> str:
    """A number of bytes in the unit that suits it, e.g. 3.7 GB."""
    if round(size) < 1000:
        return f"{size:.0f} bytes"
    for unit in ("kB", "MB"):
        size /= 1000
        if round(size, 1) < 1000:
            return f"{size:.1f} {unit}"
    return f"{size / 1000:.1f} GB"
