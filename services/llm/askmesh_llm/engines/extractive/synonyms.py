"""Words that readers and writers of documentation use for one another."""

from collections.abc import Collection

from askmesh_llm.engines.extractive.words import stem

# Each line: words that may stand for one another in questions about software.
_GROUPS = """
delete remove erase unlink rm rmdir drop discard clear
create make mkdir add new build generate construct touch
folder directory dir
whole entire full complete all
list enumerate iterate iterdir walk
collect gather aggregate accumulate
protect shield guard
cancel cancellation
find search locate lookup match
change modify edit update alter set replace
rename move
copy duplicate clone
read load open fetch
write save store dump
parse decode deserialize load loads read
serialize encode dump dumps write convert
string text str
number integer int float numeric
dictionary dict mapping
start begin launch run spawn execute
stop end terminate kill cancel halt quit exit
wait sleep pause delay
error exception failure raise fail problem
timeout deadline limit
parallel concurrent concurrently simultaneous together
argument option parameter flag
default fallback
required mandatory
check test verify whether determine true
exist exists present
size length long
join combine concatenate merge
split divide separate
sort order
print display show output pretty
name filename basename stem
extension suffix
parent ancestor enclosing
home user
current cwd working
absolute full resolve
install setup deploy
configure configuration setting settings config option
environment variable env
url link address
key token secret
install installation
subcommand subparser subparsers command
queue fifo
lock mutex
async asynchronous coroutine asyncio
thread threading
permission mode chmod access
owner user
symlink symbolic link
line lines newline
byte bytes binary
allow permit accept let
indent indentation pretty
version release
fast quick speed performance
""".strip()

_SHARE_SYNONYM = 0.65
_SHARE_PREFIX = 0.7
_LONGEST_ENDING = 4
_SHORTEST_ROOT = 4


def _table() -> dict[str, frozenset[str]]:
    table: dict[str, set[str]] = {}
    for line in _GROUPS.split("\n"):
        group = {stem(word) for word in line.split()}
        for word in group:
            table.setdefault(word, set()).update(group - {word})
    return {word: frozenset(others) for word, others in table.items()}


_RELATED = _table()


def related(word: str, vocabulary: Collection[str]) -> dict[str, float]:
    """The words of `vocabulary` that answer to `word`, each with how well: 1 for the word itself."""
    found = {other: _SHARE_SYNONYM for other in _RELATED.get(word, ()) if other in vocabulary}
    if len(word) >= _SHORTEST_ROOT:
        found |= {other: _SHARE_PREFIX for other in vocabulary if _same_root(word, other)}
    if word in vocabulary:
        found[word] = 1.0
    return found


def _same_root(left: str, right: str) -> bool:
    """Whether one word is the other with a short ending: parse and parser, delete and deletion."""
    more = len(right) - len(left)
    if more > 0:
        return more <= _LONGEST_ENDING and right.startswith(left)
    return -_LONGEST_ENDING <= more < 0 and len(right) >= _SHORTEST_ROOT and left.startswith(right)
