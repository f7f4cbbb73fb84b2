"""A corpus of rendered singing in the layout of vocadito, with an index in mirdata's form, and a server with faults."""

import csv
import io
import json
import re
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import soundfile
from numpy.typing import NDArray

RATE_HZ, HOP_S = 16_000, 256 / 44_100
SINGERS = ("S1", "S2", "S3", "S2", "S1", "S4")  # of the clips "1" to "6"


def f0_of(clip: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(n,) seconds and hertz of a second and a half: 0.3 s of silence, a glide of four semitones, silence."""
    times_s = np.arange(0, 1.5, HOP_S)
    sung = (times_s >= 0.3) & (times_s < 1.3)
    return times_s, np.where(sung, 150 * 2 ** (clip / 6 + (times_s - 0.3) / 3), 0.0)


def vocadito_files() -> dict[str, bytes]:
    """Every file of the corpus by its path."""
    rows = "".join(f"{clip},{singer},50,none\n" for clip, singer in enumerate(SINGERS, 1))
    files = {"vocadito_metadata.csv": f"track_id,singer_id,average_pitch,language\n{rows}".encode()}
    for clip in range(1, len(SINGERS) + 1):
        times_s, hz = f0_of(clip)
        at = np.arange(int(1.5 * RATE_HZ)) / RATE_HZ
        voice_hz = np.interp(at, times_s, hz)
        phase = 2 * np.pi * np.cumsum(voice_hz) / RATE_HZ
        voice = sum(np.sin(harmonic * phase) / harmonic for harmonic in range(1, 8)) * (voice_hz > 100) * 0.1
        audio, annotation = io.BytesIO(), io.StringIO()
        soundfile.write(audio, voice, RATE_HZ, format="WAV")
        csv.writer(annotation).writerows(zip(times_s, hz, strict=True))
        files[f"Audio/vocadito_{clip}.wav"] = audio.getvalue()
        files[f"Annotations/F0/vocadito_{clip}_f0.csv"] = annotation.getvalue().encode()
    return files


def index_of(files: dict[str, bytes]) -> bytes:
    """mirdata's index: paths and MD5 checksums. Lyrics and notes are missing, and the workbench does not need them."""

    def entry(path: str) -> list[str]:
        return [path, md5(files[path]).hexdigest()]

    tracks = {
        str(clip): {
            "audio": entry(f"Audio/vocadito_{clip}.wav"),
            "f0": entry(f"Annotations/F0/vocadito_{clip}_f0.csv"),
            **{key: [None, None] for key in ("notesA1", "notesA2", "lyrics")},
        }
        for clip in range(1, len(SINGERS) + 1)
    }
    metadata = {"vocadito_metadata": entry("vocadito_metadata.csv")}
    return json.dumps({"version": "1.0", "tracks": tracks, "metadata": metadata}).encode()


def zipped(files: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for path, data in files.items():
            archive.writestr(path, data)
    return content.getvalue()


@dataclass
class FaultyServer:
    """Serves `content` by path. Each of `cuts` ends one reply after so many bytes. `ranges` has what was requested."""

    content: dict[str, bytes]
    url: str = ""
    cuts: list[int] = field(default_factory=list)
    continues: bool = True
    ranges: list[str] = field(default_factory=list)


@contextmanager
def serving(content: dict[str, bytes]) -> Iterator[FaultyServer]:
    server = FaultyServer(content)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            whole = server.content.get(self.path)
            if whole is None:
                return self.send_error(404)
            requested = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
            server.ranges.append(requested[1] if requested else "0")
            start = int(requested[1]) if requested and server.continues else 0
            if start >= len(whole):
                return self.send_error(416)
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(whole) - start))
            self.end_headers()
            self.wfile.write(whole[start:][: server.cuts.pop(0) if server.cuts else None])

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True).start()
        server.url = f"http://127.0.0.1:{http.server_port}"
        yield server
        http.shutdown()
