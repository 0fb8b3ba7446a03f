"""The question sets by name, and the corpora they are asked of."""

from pathlib import Path

import corpus
from corpus import Corpus
from questions import EvalQuestion, asked_elsewhere, read_questions, read_selfaware, read_squad, squad_path

HERE = Path(__file__).resolve().parent
NAMES = ("fury", "stdlib", "chat", "sources", "squad", "selfaware")
_PUBLIC = {
    "squad": ("squad2/dev-open.json", "https://rajpurkar.github.io/SQuAD-explorer/ (CC BY-SA 4.0)"),
    "selfaware": ("selfaware/sample.jsonl", "https://github.com/yinzhangyue/SelfAware (CC BY-SA 4.0)"),
}


def default_data() -> Path:
    """The folder of shared question sets where there is one beside the checkout, else the one beside this file."""
    shared = HERE.parent.parent / "shared" / "data"
    return shared if shared.is_dir() else HERE / "data"


def missing(name: str, data: Path) -> str:
    """Which file of a public set is not there, and where it comes from; or nothing."""
    path, home = _PUBLIC.get(name, ("", ""))
    return f"{data / path} is not there. It comes from {home}" if path and not (data / path).exists() else ""


def corpus_of(name: str, data: Path) -> Corpus:
    """A corpus by its name."""
    if name == "chat":
        return corpus.chat(HERE / "data" / "chat" / "threads.jsonl")
    return corpus.squad(data, squad_path) if name == "squad" else {"fury": corpus.fury, "stdlib": corpus.stdlib}[name]()


def corpora_of(name: str, data: Path) -> list[Corpus]:
    """All that is learned into the collection of a corpus."""
    if name == "sources":
        return [corpus.marram(HERE / "data" / "sources" / "docs"), corpus_of("chat", data)]
    return [corpus_of(name, data)]


def questions_of(name: str, data: Path) -> list[EvalQuestion]:
    """The questions of a set."""
    if name in ("fury", "stdlib", "chat", "sources"):
        return read_questions(HERE / "data" / name / "questions.jsonl", name)
    if name == "squad":
        return read_squad(data / "squad2" / "dev-open.json", answerable=600, unanswerable=100)
    fury, stdlib = questions_of("fury", data), questions_of("stdlib", data)
    squad = read_squad(data / "squad2" / "dev-open.json", answerable=120, unanswerable=0)
    return [
        *read_selfaware(data / "selfaware" / "sample.jsonl", ("fury", "stdlib", "squad")),
        *asked_elsewhere(squad[:60], "fury", 60),
        *asked_elsewhere(squad[60:], "stdlib", 60),
        *asked_elsewhere([*stdlib, *fury], "squad", 60),
        *asked_elsewhere(fury, "stdlib", 40),
    ]
