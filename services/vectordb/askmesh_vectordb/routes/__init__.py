"""HTTP in and out, one file for each part of the API."""

from askmesh_vectordb.routes import indexes, moves, namespaces, search, vectors

ROUTERS = (indexes.router, vectors.router, namespaces.router, search.router, moves.router)
