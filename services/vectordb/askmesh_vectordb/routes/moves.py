"""Live moves of the service's records from one store to another."""

from typing import Annotated

from askmesh_kit.auth import Caller, require
from askmesh_kit.json_body import JsonRoute
from fastapi import APIRouter, Depends, Request

from askmesh_vectordb.bindings import Bindings
from askmesh_vectordb.moving.moves import Moves
from askmesh_vectordb.moving.records import Move
from askmesh_vectordb.moving.schemas import ERRORS, CreateMoveRequest, MoveDescription, MoveList
from askmesh_vectordb.stores.base import OutsideBinding


async def _moves(request: Request, caller: Annotated[Caller, Depends(require("admin"))]) -> Moves:
    """A key that is bound to part of the records has no say about where all of them are."""
    bindings: Bindings = request.state.bindings
    moves: Moves = request.state.moves
    if bindings.seen_by(caller.name, moves.store) is not moves.store:
        raise OutsideBinding("This key is bound to part of the records.", fix="Use a key that is not bound.")
    return moves


MovesDep = Annotated[Moves, Depends(_moves)]
router = APIRouter(prefix="/moves", route_class=JsonRoute, tags=["moves"], responses=ERRORS)


@router.get("", response_model=MoveList, summary="All moves, the oldest first")
async def list_moves(moves: MovesDep) -> MoveList:
    return MoveList(moves=[_describe(move, moves) for move in await moves.list()])


@router.post("", response_model=MoveDescription, status_code=201, summary="Begin a move to another store")
async def create_move(body: CreateMoveRequest, moves: MovesDep) -> MoveDescription:
    """Writes go on; when the phase is `ready`, the stores are equal and the move can be cut over."""
    return _describe(await moves.create(body.to, replace=body.replace), moves)


@router.get("/{move_id}", response_model=MoveDescription, summary="How far a move is")
async def get_move(move_id: str, moves: MovesDep) -> MoveDescription:
    return _describe(await moves.get(move_id), moves)


@router.post("/{move_id}/cut-over", response_model=MoveDescription, summary="Use the new store; the old one follows it")
async def cut_over(move_id: str, moves: MovesDep) -> MoveDescription:
    """Writes wait for the moment that takes, at most about five seconds. It can be rolled back until it is finished."""
    return _describe(await moves.act(move_id, "cut-over"), moves)


@router.post("/{move_id}/roll-back", response_model=MoveDescription, summary="Use the old store, and end the move")
async def roll_back(move_id: str, moves: MovesDep) -> MoveDescription:
    """What was written meanwhile is in the old store too. What was copied to the new one stays there."""
    return _describe(await moves.act(move_id, "roll-back"), moves)


@router.post("/{move_id}/finish", response_model=MoveDescription, summary="End the move: the old store follows no more")
async def finish(move_id: str, moves: MovesDep) -> MoveDescription:
    return _describe(await moves.act(move_id, "finish"), moves)


def _describe(move: Move, moves: Moves) -> MoveDescription:
    progress = move.progress
    return MoveDescription(
        id=move.id,
        origin=move.origin,
        target=move.target,
        phase=move.phase,
        records=progress.total,
        copied=progress.done,
        compared=progress.compared,
        pending=moves.pending(move),
        repaired=progress.repaired,
        overlap=progress.overlap,
        error=move.error,
        created=move.created,
        updated=move.updated,
    )
