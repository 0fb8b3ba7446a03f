"""Where a source may lie: what people give is made absolute, and kept inside the folders that may be learned."""

from collections.abc import Sequence
from pathlib import Path

from askmesh_kit.errors import Forbidden, InvalidRequest


def resolve_location(kind: str, location: str, roots: Sequence[Path], anywhere: bool) -> str:
    """An absolute path, links resolved, or a package's name as it is.

    Raises Forbidden for a path outside `roots`, where there are any or `anywhere` is false, and InvalidRequest for one
    that the file system refuses.
    """
    is_name = kind == "python" and not any(sign in location for sign in "/\\~") and not location.startswith(".")
    try:
        if is_name and not Path(location).exists():
            return location
        path = Path(location).expanduser().resolve()
        # Asked here, so that a name no file can have is refused before anything is kept.
        path.exists()
    except (OSError, RuntimeError, ValueError) as error:
        raise InvalidRequest(f"This can't be a path: {error}.", code="invalid_source") from None
    allowed = [root.expanduser().resolve() for root in roots]
    if any(path.is_relative_to(root) for root in allowed) or (not allowed and anywhere):
        return str(path)
    raise Forbidden(
        f"{location} lies outside the folders that may be learned from.",
        fix="Put it below one of ASKMESH_BOT_LEARN_ROOTS, or add its folder there.",
        code="outside_learn_roots",
    )
