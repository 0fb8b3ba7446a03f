"""`python -m askmesh_bot [serve | openapi]`."""

import argparse
import json
import sys

from askmesh_kit.command_line import settings_explained


def main(argv: list[str] | None = None) -> None:
    """Serve the bot, or print its OpenAPI description."""
    parser = argparse.ArgumentParser(
        prog="askmesh_bot",
        description="The bot: answers questions over HTTP, in the web chat and on Discord.",
        epilog="Every setting is an environment variable; services/bot/README.md lists them.",
    )
    parser.add_argument("command", nargs="?", default="serve", choices=["serve", "openapi"])
    command = parser.parse_args(argv).command
    with settings_explained("ASKMESH_BOT_"):
        _run(command)


def _run(command: str) -> None:
    # Imported here so that --help is quick.
    from askmesh_bot.app import create_app
    from askmesh_bot.settings import Settings

    if command == "openapi":
        app = create_app(Settings(_env_file=None))
        json.dump(app.openapi(), sys.stdout, indent=2, sort_keys=True)
        sys.stdout.write("\n")
        return
    from askmesh_kit.server import serve

    serve(create_app, Settings(), "bot")


if __name__ == "__main__":
    main()
