"""The command line: `askmesh-llm serve|openapi`."""

import argparse
import json
import sys


def main() -> None:
    """Serve, or print the OpenAPI document. Settings come from the environment: see README.md."""
    parser = argparse.ArgumentParser(
        prog="askmesh-llm",
        description="askmesh's LLM service. Configured by ASKMESH_LLM_… variables; see its README.",
    )
    commands = parser.add_subparsers(dest="command", metavar="command")
    commands.add_parser("serve", help="serve over HTTP (the default)")
    commands.add_parser("openapi", help="print the OpenAPI document")
    arguments = parser.parse_args()
    # Imported late so that --help answers at once.
    from askmesh_llm.app import create_app
    from askmesh_llm.settings import Settings

    settings = Settings()
    if arguments.command == "openapi":
        json.dump(create_app(settings).openapi(), sys.stdout, indent=2, ensure_ascii=False)
        sys.stdout.write("\n")
        return
    from askmesh_kit.server import serve

    serve(create_app, settings, "llm")


if __name__ == "__main__":
    main()
