"""Errors a user can act on: each message says what was wrong, what came and what is allowed."""


class SchashError(ValueError):
    """Base of all errors that schash raises on purpose."""


class ConfigError(SchashError):
    """A config, registry or method file holds something it must not."""


class DataError(SchashError):
    """Cells, genes, labels or values are not what the operation needs."""


class DownloadError(SchashError):
    """A file could not be fetched, or what was fetched is not the pinned bytes."""


class ModelFileError(SchashError):
    """A model or index file is damaged, foreign or from a newer version."""


class OutputError(SchashError):
    """A file could not be written, for want of space."""
