"""The shell: `askmesh ask`, `learn`, `sources`, `status`. It talks to a running bot over HTTP, as anyone could."""


def main() -> None:
    """The `askmesh` command."""
    # Imported here: importing the package loads no command line.
    from askmesh_bot.frontends.shell.commands import app

    app()
