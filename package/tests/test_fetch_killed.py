"""kill -9 in the middle of a download, and the run after it."""

import hashlib
import io
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from zipfile import ZipFile

import pytest
from loopback import RETRY, head, lake, ranged

from schash.data.download import CHUNK
from schash.data.fetch import fetch_source
from schash.data.loaders.matrices import zip_member
from schash.data.manifest import paths_by_name

BODY = random.Random(3).randbytes(500_000)
WORKER = """
import json, sys
from schash.data.fetch import fetch_source
from schash.data.registry import Source
from schash.data.web import Retry
source, cache, members = json.loads(sys.argv[1])
fetch_source(Source(**source), cache_dir=cache, members=members, progress=False, retry=Retry(first_wait=0.001))
"""


def archive():
    buffer = io.BytesIO()
    with ZipFile(buffer, "w") as target:
        target.writestr("a.csv", BODY)
    return buffer.getvalue()


def stalling(body, sent, reached):
    """Serves ranges; the first long answer stops after `sent` bytes and waits for its reader's end."""

    def answer(handler):
        asked = handler.headers.get("Range")
        start, _, stop = (asked or "bytes=0-").removeprefix("bytes=").partition("-")
        stop = int(stop) + 1 if stop else len(body)
        if stop - int(start) < 300_000 or reached.is_set():
            ranged(body)(handler)
            return
        facts = {"code": 206, "Content_Range": f"bytes {start}-{stop - 1}/{len(body)}"} if asked else {}
        head(handler, length=stop - int(start), **facts)
        handler.wfile.write(body[int(start) : int(start) + sent])
        handler.wfile.flush()
        handler.connection.settimeout(20)
        handler.connection.recv(1)  # returns when the reader is dead

    return answer


@pytest.mark.parametrize("members", [None, {"data.zip": [["a.csv"]]}])
def test_a_killed_download_is_resumed_and_never_taken_for_whole(server, tmp_path, members):
    body = archive()
    reached = threading.Event()
    server.says("/zip", stalling(body, 300_000, reached))
    pins = {"sha256": hashlib.sha256(body).hexdigest()} if members is None else {"bytes": len(body)}
    source = lake({"name": "data.zip", "urls": [server.url + "/zip"], **pins})
    facts = json.dumps([source.model_dump(mode="json"), str(tmp_path), members])
    worker = subprocess.Popen([sys.executable, "-c", WORKER, facts], env=os.environ)
    kept = tmp_path / "lake" / ("data.zip.part" if members is None else "data.zip.members/a.csv.gz.part.raw")
    deadline = time.monotonic() + 60
    while not (kept.exists() and kept.stat().st_size >= 4 * CHUNK) and time.monotonic() < deadline:
        time.sleep(0.01)
    worker.send_signal(signal.SIGKILL)
    assert worker.wait(10) == -signal.SIGKILL
    size = kept.stat().st_size
    assert 4 * CHUNK <= size <= 300_000
    assert not (tmp_path / "lake/data.zip").exists()
    assert not (tmp_path / "lake/data.zip.members/a.csv.gz").exists()

    reached.set()
    server.sent = 0
    files = fetch_source(source, cache_dir=tmp_path, members=members, progress=False, retry=RETRY)
    path = paths_by_name(files)["data.zip"]
    with zip_member(path, "a.csv") as handle:
        assert handle.read() == BODY
    assert server.sent < len(body) - size + CHUNK * 3
    assert not kept.exists()
