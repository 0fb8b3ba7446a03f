"""A Unix socket in front of another one, which hangs up when it sees certain bytes go to the server."""

import asyncio
import shutil
import tempfile
from pathlib import Path


class Cutter:
    """Listens in `folder` under the name of the socket behind."""

    def __init__(self, behind: Path) -> None:
        self._behind = behind
        self._marks: list[tuple[bytes, bool]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def cut(self, mark: bytes, *, before: bool = True) -> None:
        """Hang up once, where these bytes are sent next: before or after the server gets them."""
        self._marks.append((mark, before))

    async def __aenter__(self) -> "Cutter":
        self.folder = Path(tempfile.mkdtemp(prefix="askmesh-cut-"))
        self._server = await asyncio.start_unix_server(self._serve, self.folder / self._behind.name)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        shutil.rmtree(self.folder)

    async def _serve(self, client: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        server, requests = await asyncio.open_unix_connection(self._behind)
        silent, answered = asyncio.Event(), asyncio.Event()
        back = asyncio.ensure_future(_answer(server, answers, silent, answered))
        self._tasks.add(back)
        try:
            while data := await client.read(1 << 20):
                cut = bool(self._marks) and self._marks[0][0] in data
                before = cut and self._marks.pop(0)[1]
                if cut and not before:
                    silent.set()
                if not before:
                    requests.write(data)
                    await requests.drain()
                if cut and not before:
                    await answered.wait()
                if cut:
                    return
        except (ConnectionError, asyncio.CancelledError):
            return
        finally:
            back.cancel()
            requests.close()
            answers.close()


async def _answer(
    server: asyncio.StreamReader, answers: asyncio.StreamWriter, silent: asyncio.Event, answered: asyncio.Event
) -> None:
    while data := await server.read(1 << 20):
        if silent.is_set():
            answered.set()
            return
        answers.write(data)
        await answers.drain()
    answers.close()
