"""`make up` on a new machine: the first corpus is learned, and the question that the README tells people to ask is answered."""

import re
from collections.abc import Callable

from running_mesh import ROOT, UNANSWERABLE_QUESTION, RunningMesh


def test_the_readmes_question_is_answered_from_the_first_corpus(another_mesh: Callable[..., RunningMesh]) -> None:
    mesh = another_mesh()
    started = mesh.script("up", "--wait", "300", patience_s=800)
    assert started.returncode == 0, started.stdout + started.stderr
    questions = set(re.findall(r'make ask Q="([^"…]+)"', (ROOT / "README.md").read_text() + started.stdout))
    assert questions
    for question in questions:
        # The documentation, which is learned too, has the question word for word, and no answer beside it.
        body = mesh.ask(question).json()
        assert body["outcome"] == "answered", body
        assert [citation["header"].partition("(")[0] for citation in body["citations"]] == ["pathlib.Path.read_text"]
    assert mesh.ask(UNANSWERABLE_QUESTION).json()["outcome"] == "abstained"
    assert "already up" in mesh.script("up").stdout
