"""HTTP in and out, one file for each part of the API."""

from askmesh_vectordb.routes import absent, indexes, moves, namespaces, search, vectors

ROUTERS = (absent.router, indexes.router, vectors.router, namespaces.router, search.router, moves.router)
