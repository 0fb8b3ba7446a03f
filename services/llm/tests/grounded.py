"""Grounded prompts over the standard library's own docstrings, with the symbols that hold each answer."""

import importlib
import inspect
import random
import re
from dataclasses import dataclass

NONCE = "7f3a9c21"


def _under(prefix: str, names: str) -> list[str]:
    return [f"{prefix}.{name}" for name in names.split()]


POOLS: dict[str, list[str]] = {
    "pathlib": _under(
        "pathlib.Path",
        "read_text read_bytes write_text open exists is_dir is_file mkdir rmdir unlink rename glob rglob iterdir home cwd"
        " resolve stat touch symlink_to with_suffix relative_to joinpath chmod owner expanduser",
    ),
    "json": _under("json", "dump dumps load loads JSONEncoder JSONDecoder JSONEncoder.default JSONDecoder.raw_decode"),
    "asyncio": _under(
        "asyncio",
        "run gather wait_for sleep create_task shield to_thread wait as_completed open_connection start_server"
        " create_subprocess_exec Queue.get Queue.put Queue.task_done Event.wait Lock.acquire timeout Task.cancel",
    ),
    "argparse": _under(
        "argparse",
        "ArgumentParser FileType Namespace ArgumentDefaultsHelpFormatter RawTextHelpFormatter BooleanOptionalAction",
    ),
    "shutil": _under("shutil", "copy copyfile copytree rmtree move which disk_usage make_archive"),
    "misc": [
        *_under("functools", "lru_cache partial wraps reduce"),
        *_under("itertools", "chain groupby"),
        *_under("collections", "Counter Counter.most_common deque namedtuple"),
        *_under("textwrap", "wrap dedent shorten"),
        *_under("random", "choice shuffle sample"),
        *_under("statistics", "median stdev"),
        *_under("tempfile", "mkdtemp NamedTemporaryFile"),
        "heapq.nlargest",
        "bisect.bisect_left",
        "subprocess.run",
        "glob.glob",
    ],
}

# Each: pool, question, symbols whose docstring answers it.
ANSWERABLE: list[tuple[str, str, str]] = [
    ("pathlib", "How do I read a whole text file into a string with pathlib?", "pathlib.Path.read_text"),
    ("pathlib", "How can I read the raw bytes of a file?", "pathlib.Path.read_bytes"),
    ("pathlib", "How do I write a string to a file?", "pathlib.Path.write_text"),
    ("pathlib", "How do I check whether a path exists?", "pathlib.Path.exists"),
    ("pathlib", "How do I create a directory?", "pathlib.Path.mkdir"),
    ("pathlib", "How can I remove an empty folder?", "pathlib.Path.rmdir"),
    ("pathlib", "How do I delete a file?", "pathlib.Path.unlink"),
    ("pathlib", "How do I rename a path to another target?", "pathlib.Path.rename"),
    ("pathlib", "How do I recursively find all files that match a pattern?", "pathlib.Path.rglob"),
    ("pathlib", "How do I list the contents of a directory?", "pathlib.Path.iterdir"),
    ("pathlib", "Which function gives the current working directory?", "pathlib.Path.cwd"),
    ("pathlib", "How do I make a path absolute and resolve symlinks?", "pathlib.Path.resolve"),
    ("pathlib", "How do I change a file's suffix?", "pathlib.Path.with_suffix"),
    ("pathlib", "How do I make a symlink?", "pathlib.Path.symlink_to"),
    ("pathlib", "How do I change the permissions of a path?", "pathlib.Path.chmod"),
    ("pathlib", "What does expanduser do with ~?", "pathlib.Path.expanduser"),
    ("json", "How do I parse a JSON string into a Python object?", "json.loads"),
    ("json", "How do I write an object as JSON to a file?", "json.dump"),
    ("json", "How do I pretty-print JSON with indentation?", "json.dumps json.dump json.JSONEncoder"),
    ("json", "What does ensure_ascii do?", "json.dumps json.dump json.JSONEncoder"),
    (
        "json",
        "How do I make the encoder serialize objects it does not know?",
        "json.JSONEncoder.default json.JSONEncoder",
    ),
    ("asyncio", "How do I run a blocking function in a separate thread?", "asyncio.to_thread"),
    ("asyncio", "How do I wait for a coroutine with a timeout?", "asyncio.wait_for asyncio.timeout"),
    ("asyncio", "How can I protect an awaitable from cancellation?", "asyncio.shield"),
    ("asyncio", "How do I run several coroutines concurrently and collect their results?", "asyncio.gather"),
    ("asyncio", "How do I start a TCP server?", "asyncio.start_server"),
    ("asyncio", "What does task_done do on a queue?", "asyncio.Queue.task_done"),
    ("asyncio", "How do I remove and return an item from the queue?", "asyncio.Queue.get"),
    ("asyncio", "How is a task cancelled?", "asyncio.Task.cancel"),
    ("argparse", "How do I show default values in the help text?", "argparse.ArgumentDefaultsHelpFormatter"),
    ("argparse", "What does the prog keyword of ArgumentParser mean?", "argparse.ArgumentParser"),
    ("argparse", "How do I add text that follows the argument descriptions?", "argparse.ArgumentParser"),
    ("argparse", "How do I keep the formatting of help text?", "argparse.RawTextHelpFormatter"),
    ("shutil", "How do I delete an entire directory tree?", "shutil.rmtree"),
    ("shutil", "How do I find the path of an executable command?", "shutil.which"),
    ("shutil", "How do I recursively copy a directory?", "shutil.copytree"),
    ("shutil", "How do I create a zip archive?", "shutil.make_archive"),
    ("shutil", "How much disk space is free?", "shutil.disk_usage"),
    ("misc", "How do I cache the results of a function?", "functools.lru_cache"),
    ("misc", "How do I count the most common elements?", "collections.Counter.most_common collections.Counter"),
    ("misc", "How do I remove common leading whitespace from every line?", "textwrap.dedent"),
    ("misc", "How do I get the n largest elements of a dataset?", "heapq.nlargest"),
    ("misc", "How do I pick a random element from a non-empty sequence?", "random.choice"),
    ("misc", "How do I shuffle a list in place?", "random.shuffle"),
    ("misc", "How do I create a temporary directory?", "tempfile.mkdtemp"),
    ("misc", "How do I compute the median of numeric data?", "statistics.median"),
    ("misc", "How do I truncate text to fit in a given width?", "textwrap.shorten"),
    ("misc", "How do I run a command and get its output?", "subprocess.run"),
]

UNANSWERABLE: list[tuple[str, str]] = [
    ("pathlib", "What is the boiling point of tungsten?"),
    ("pathlib", "How do I bake a chocolate cake?"),
    ("pathlib", "How do I train a neural network with dropout?"),
    ("pathlib", "Who won the football world cup in 1998?"),
    ("pathlib", "How do I encrypt a file with AES?"),
    ("json", "What is the capital of Australia?"),
    ("json", "How do I validate an XML schema?"),
    ("json", "How do I connect to a PostgreSQL database?"),
    ("asyncio", "How do I resize an image?"),
    ("asyncio", "What causes auroras in the night sky?"),
    ("asyncio", "How do I deploy a container to Kubernetes?"),
    ("argparse", "How do I plot a histogram?"),
    ("argparse", "How many legs does a spider have?"),
    ("argparse", "How do I send an email over SMTP?"),
    ("shutil", "How do I rotate a bitmap by 90 degrees?"),
    ("shutil", "What time does the museum open on Sundays?"),
    ("misc", "How do I render a 3D scene with shadows?"),
    ("misc", "What does asyncio.TaskGroup do when a child fails?"),
    ("misc", "How do I configure a webhook for Slack?"),
    ("misc", "How do I compute the eigenvalues of a matrix?"),
]


@dataclass(frozen=True)
class Case:
    """One question with its prompt; `expected` are the passage numbers that hold the answer (none: unanswerable)."""

    question: str
    prompt: str
    expected: frozenset[int]
    symbols: tuple[str, ...]


def write_prompt(question: str, passages: list[tuple[str, str]], nonce: str = NONCE) -> str:
    """The last user message of a grounded conversation."""
    body = "".join(f"[{n} {nonce}] {header}\n{text}\n\n" for n, (header, text) in enumerate(passages, 1))
    return f"Passages [{nonce}]:\n\n{body}[end {nonce}]\n\nQuestion: {question}"


def passage(symbol: str) -> tuple[str, str]:
    """A symbol's header (qualified name and signature) and docstring."""
    item = _resolve(symbol)
    try:
        signature = re.sub(r"\(self(?:, )?", "(", str(inspect.signature(item)))
    except (TypeError, ValueError):
        signature = ""
    if inspect.isclass(item) or inspect.ismodule(item):
        signature = ""
    return symbol + signature, inspect.getdoc(item) or ""


def _resolve(symbol: str) -> object:
    module, *names = symbol.split(".")
    item: object = importlib.import_module(module)
    for name in names:
        item = getattr(item, name)
    return item


def _case(pool: str, question: str, expected: set[str], seed: int) -> Case:
    """Six passages: those that answer and others of the pool, in an order that says nothing."""
    chance = random.Random(seed)
    others = [symbol for symbol in POOLS[pool] if symbol not in expected]
    symbols = sorted(expected) + chance.sample(others, 6 - len(expected) if len(others) > 5 else len(others))
    chance.shuffle(symbols)
    numbers = frozenset(number for number, symbol in enumerate(symbols, 1) if symbol in expected)
    return Case(question, write_prompt(question, [passage(s) for s in symbols]), numbers, tuple(symbols))


def cases() -> list[Case]:
    """Every question, answerable or not."""
    answerable = [_case(pool, q, set(expected.split()), n) for n, (pool, q, expected) in enumerate(ANSWERABLE)]
    return answerable + [_case(pool, q, set(), 1000 + n) for n, (pool, q) in enumerate(UNANSWERABLE)]
