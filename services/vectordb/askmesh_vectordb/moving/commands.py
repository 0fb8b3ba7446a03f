"""`askmesh-vectordb copy`, `export`, `import`, `move`: the wiring of each, and their exit status."""

import argparse
import asyncio
import os
import sys
import tempfile
from contextlib import AsyncExitStack
from importlib.util import find_spec
from pathlib import Path

from askmesh_kit.errors import ServiceError

from askmesh_vectordb.moving import specs
from askmesh_vectordb.moving.base import MoveRefused, Readable
from askmesh_vectordb.moving.checkpoint import Checkpoint, default_path
from askmesh_vectordb.moving.copying import Copier
from askmesh_vectordb.moving.journal import Journal
from askmesh_vectordb.moving.named import NamedStores
from askmesh_vectordb.moving.planning import Plan, Selected, plan
from askmesh_vectordb.moving.progress import Progress, print_line
from askmesh_vectordb.moving.verifying import Verifier
from askmesh_vectordb.settings import Settings
from askmesh_vectordb.stores.base import Store
from askmesh_vectordb.stores.local.maintenance import CATALOG_NAME
from askmesh_vectordb.validation import DEFAULT_NAMESPACE, Limits

DONE, DIFFERENT, FAILED, INTERRUPTED = 0, 1, 2, 130


def run(given: argparse.Namespace) -> int:
    """Exit status: 0 done and verified, 1 done but not equal, 2 could not be done, 130 interrupted."""
    progress = Progress()
    try:
        return asyncio.run(_COMMANDS[given.command](given, progress))
    except (ServiceError, OSError, SystemExit) as error:
        progress.end()
        sys.stderr.write(f"{error.message if isinstance(error, ServiceError) else error}\n")
        return FAILED
    except KeyboardInterrupt:
        progress.end()
        went_on = "The move goes on in the service" if given.command == "move" else "The same command goes on from here"
        sys.stderr.write(f"Interrupted. {went_on}.\n")
        return INTERRUPTED


async def _copy(given: argparse.Namespace, progress: Progress) -> int:
    async with AsyncExitStack() as stack:
        source_spec, target_spec = specs.parse(given.source), specs.parse(given.target)
        if source_spec == target_spec and given.rename in (None, given.index):
            raise MoveRefused("Both sides are the same store.", fix="Give the copy another name with --as.")
        source = _open(stack, source_spec, given.source_key, must_exist=True)
        target = _open(stack, target_spec, given.target_key)
        identity = [source_spec.label, target_spec.label]
        return await _transfer(given, source, target, identity, progress)


async def _import(given: argparse.Namespace, progress: Progress) -> int:
    _need_pyarrow()
    from askmesh_vectordb.moving.parquet import ParquetCollection

    async with AsyncExitStack() as stack:
        source = ParquetCollection(given.file, Limits(Settings()))
        stack.push_async_callback(source.close)
        await source.check(progress)
        progress.end()
        if given.target:
            spec = specs.parse(given.target)
            target, label = _open(stack, spec, given.target_key), spec.label
        else:
            target, label = _own(stack, writes=True)
        given.index = (await source.list_indexes())[0].name
        return await _transfer(given, source, target, [str(given.file.absolute()), label], progress)


async def _move(given: argparse.Namespace, progress: Progress) -> int:
    from askmesh_vectordb.moving.remote import move

    return await move(given, progress)


async def _export(given: argparse.Namespace, progress: Progress) -> int:
    _need_pyarrow()
    from askmesh_vectordb.moving.exporting import export

    if given.file.exists() and not given.overwrite:
        raise MoveRefused(f"{given.file} exists.", fix="Name another file, or give --overwrite.")
    async with AsyncExitStack() as stack:
        if given.source:
            source = _open(stack, specs.parse(given.source), given.source_key, must_exist=True)
        else:
            source, _ = _own(stack, writes=False)
        written = await export(source, given.index, _namespace(given), given.file, progress)
    progress.end()
    count = sum(digest.count for digest in written.values())
    print_line(f"{count:,} records of {len(written)} namespaces are in {given.file}")
    return DONE


async def _transfer(
    given: argparse.Namespace, source: Readable, target: Store, identity: list[str], progress: Progress
) -> int:
    namespace = _namespace(given)
    identity += [given.index or "", given.rename or "", "*" if namespace is None else f"={namespace}"]
    checkpoint = Checkpoint(given.checkpoint or default_path(identity), identity)
    chosen = Selected(given.index, given.rename, namespace)
    planned = await plan(source, target, chosen, checkpoint, merge=given.merge)
    if given.dry_run:
        _tell(planned, checkpoint)
        return DONE
    progress.begin(sum(checkpoint.place(job.target.name, job.namespace).digest.count for job in planned.jobs))
    digests = await Copier(source, target, checkpoint, progress, given.page_size).run(planned)
    progress.begin(0)
    verifier = Verifier(
        source,
        target,
        progress,
        page_size=given.page_size,
        samples=given.samples,
        merged=given.merge,
        lag_s=0.0 if target.capabilities.read_your_writes else Settings().pinecone_lag_s,
    )
    verdicts = [await verifier.verify(job, digest) for job, digest in digests]
    progress.end()
    checkpoint.remove()
    for verdict in verdicts:
        print_line(verdict.told(given.min_overlap))
    return DONE if all(verdict.holds(given.min_overlap) for verdict in verdicts) else DIFFERENT


def _tell(planned: Plan, checkpoint: Checkpoint) -> None:
    for info in planned.new:
        print_line(f"would create the index {info.name} ({info.dimension} dimensions, {info.metric})")
    for job in planned.jobs:
        done = checkpoint.place(job.target.name, job.namespace).digest.count
        print_line(f"would copy {job.name}: {job.total:,} records" + (f", {done:,} of them done" if done else ""))


def _open(stack: AsyncExitStack, spec: specs.Spec, key_variable: str | None, *, must_exist: bool = False) -> Store:
    if key_variable and key_variable not in os.environ:
        raise SystemExit(f"the environment holds no {key_variable}")
    # What a store keeps beside a remote server is derived from it, and is not the service's: it goes with the command.
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="askmesh-copy-")))
    key = os.environ[key_variable] if key_variable else ""
    store = specs.open_spec(spec, Settings(), folder, api_key=key, must_exist=must_exist)
    stack.push_async_callback(store.close)
    return store


def _need_pyarrow() -> None:
    if find_spec("pyarrow") is None:
        raise SystemExit("Parquet needs pyarrow: pip install 'askmesh-vectordb[parquet]'")


def _own(stack: AsyncExitStack, *, writes: bool) -> tuple[Store, str]:
    """The store that the service of these settings uses now, wherever it was moved to, and what to call it."""
    settings = Settings()
    folder = settings.data_path / "moves"
    journal = Journal(folder, limit=1)
    stack.push_async_callback(journal.close)
    routing = journal.routing()
    if writes and routing and routing.secondary:
        raise MoveRefused("A move of the service is under way; it would not see these records.", fix="Finish it first.")
    name = routing.primary if routing else settings.store
    if name == "local" and not writes and not (settings.data_path / CATALOG_NAME).exists():
        raise SystemExit(f"there is no store in {settings.data_path}: set ASKMESH_VECTORDB_DATA_PATH")
    stores = NamedStores(settings, folder)
    stack.push_async_callback(stores.close)
    return stores.named(name), f"{name} of {settings.data_path.absolute()}"


def _namespace(given: argparse.Namespace) -> str | None:
    return "" if given.namespace == DEFAULT_NAMESPACE else given.namespace


_COMMANDS = {"copy": _copy, "import": _import, "export": _export, "move": _move}
