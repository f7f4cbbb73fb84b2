"""The routes of the page: its files, the socket of the audio, and the takes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp
from starlette.websockets import WebSocket

from workbench.errors import WorkbenchError
from workbench.live.programs import OpenSessions
from workbench.live.server.client import INTERNAL, TRY_LATER, Client
from workbench.live.server.guard import Guard
from workbench.live.server.pool import MAX_CLIENTS, SessionPool
from workbench.live.server.scoring import TakeScorer
from workbench.live.server.takes import place_in_sung

PAGE = Path(__file__).parent.parent / "page"
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
REPORT_HEADERS = {"Content-Security-Policy": "sandbox allow-scripts", "Referrer-Policy": "no-referrer"}
_WAITING = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="color-scheme" content="light dark">
<meta http-equiv="refresh" content="2"><title>Scoring the take</title><body style="font: 18px system-ui; margin: 3em">
<p>The take is being scored, as <code>workbench run</code> does it. This takes about a minute for each program.</p>"""


@dataclass(eq=False)
class LiveServer:
    """What the routes share. `folder` is that of the takes, `clips_folder` that of the user's clips."""

    pool: SessionPool
    names: tuple[str, ...]
    scorer: TakeScorer
    folder: Path
    clips_folder: Path
    clients: dict[str, Client] = field(default_factory=dict)
    takes: dict[str, Path] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set, init=False)

    def app(self, token: str, bound_to: str) -> ASGIApp:
        """Returns the application, which serves only requests that have the token."""
        routes = [
            Route("/", self._index),
            WebSocketRoute("/audio", self._audio),
            Route("/clients/{client}/take", self._start_take, methods=["POST"]),
            Route("/clients/{client}/take/stop", self._stop_take, methods=["POST"]),
            Route("/takes/{take}/sung", self._place, methods=["POST"]),
            Route("/takes/{take}/score", self._score, methods=["POST"]),
            Route("/takes/{take}/report", self._report),
            Mount("/page", StaticFiles(directory=PAGE)),
        ]
        return Guard(Starlette(routes=routes, lifespan=self._lifespan), token, bound_to)

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        yield
        for client in self.clients.values():
            client.end(1001, "the command ended")
        self.scorer.close()
        await run_in_threadpool(self.pool.close)

    async def _index(self, _: Request) -> Response:
        return FileResponse(PAGE / "index.html", headers=HEADERS)

    async def _audio(self, socket: WebSocket) -> None:
        await socket.accept()
        opening = asyncio.create_task(run_in_threadpool(self.pool.take))
        leaving = asyncio.create_task(socket.receive())  # a page sends nothing before its sessions are open
        await asyncio.wait((opening, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not opening.done():
            task = asyncio.create_task(self._give_back(opening))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            return
        leaving.cancel()
        try:
            sessions = opening.result()
        except WorkbenchError as error:
            await socket.close(INTERNAL, str(error)[:120])
            return
        if sessions is None:
            await socket.close(TRY_LATER, f"{MAX_CLIENTS} pages are open already; close one")
            return
        client = Client(socket, sessions, self.names, lambda wav: self.takes.update({wav.stem: wav}))
        self.clients[client.id] = client
        intact = False
        try:
            intact = await client.run()
        finally:
            del self.clients[client.id]
            await asyncio.shield(run_in_threadpool(self.pool.give_back, sessions, intact))

    async def _give_back(self, opening: asyncio.Task[OpenSessions | None]) -> None:
        """Keeps the sessions of a page that left before they were open."""
        with suppress(WorkbenchError):
            if (sessions := await opening) is not None:
                await run_in_threadpool(self.pool.give_back, sessions, True)

    async def _start_take(self, request: Request) -> Response:
        client = self._client(request)
        if client.take is not None:
            raise HTTPException(409, "a take is being recorded already")
        try:
            client.start_take(self.folder)
        except OSError as error:
            raise HTTPException(500, f"{self.folder}: cannot be written ({error.strerror})") from None
        return Response(status_code=204)

    async def _stop_take(self, request: Request) -> Response:
        try:
            wav = self._client(request).stop_take()
            if wav is None:
                raise HTTPException(409, "nothing was recorded: no sound was received meanwhile")
        except OSError as error:
            raise HTTPException(500, f"the take cannot be written ({error.strerror})") from None
        return Response(status_code=204)

    async def _place(self, request: Request) -> Response:
        try:
            return JSONResponse({"file": str(place_in_sung(self._take(request), self.clips_folder))})
        except WorkbenchError as error:
            raise HTTPException(409, str(error)) from None
        except OSError as error:
            raise HTTPException(500, f"{self.clips_folder}: cannot be written ({error.strerror})") from None

    async def _score(self, request: Request) -> Response:
        wav = self._take(request)
        self.scorer.start(wav.stem, wav)
        return Response(status_code=202)

    async def _report(self, request: Request) -> Response:
        scoring = self.scorer[self._take(request).stem]
        if scoring is not None and scoring.problem:
            raise HTTPException(500, scoring.problem)
        if scoring is None or scoring.page is None:
            return HTMLResponse(_WAITING)
        return FileResponse(scoring.page, headers=REPORT_HEADERS)

    def _client(self, request: Request) -> Client:
        client = self.clients.get(request.path_params["client"])
        if client is None:
            raise HTTPException(404, "no such client")
        return client

    def _take(self, request: Request) -> Path:
        wav = self.takes.get(request.path_params["take"])
        if wav is None:
            raise HTTPException(404, "no such take")
        return wav
