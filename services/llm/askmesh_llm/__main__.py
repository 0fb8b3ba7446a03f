"""The command line: `askmesh-llm serve|chat|download|bench|golden|build-int4|openapi`. Everything is imported when it is used."""

import argparse
import asyncio
import json
import sys

from askmesh_kit.command_line import settings_explained

_DESCRIPTION = "askmesh's LLM service. Configured by ASKMESH_LLM_… variables; see its README."


def main() -> None:
    """Do what the arguments say."""
    arguments = _parser().parse_args()
    with settings_explained("ASKMESH_LLM_"):
        _COMMANDS[arguments.command or "serve"](arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="askmesh-llm", description=_DESCRIPTION)
    commands = parser.add_subparsers(dest="command", metavar="command")
    commands.add_parser("serve", help="serve over HTTP (the default)")
    commands.add_parser("openapi", help="print the OpenAPI document")

    chat = commands.add_parser("chat", help="talk in the terminal, with the engine of the settings or with --url")
    chat.add_argument(
        "--url", default="", help="base URL of an OpenAI-compatible server, e.g. http://127.0.0.1:8003/v1"
    )
    chat.add_argument("--key", default="", help="API key for --url")
    chat.add_argument("--model", default="", help="model asked for at --url; its first by default")
    chat.add_argument("--system", default="", help="instruction before the conversation")
    chat.add_argument("--max-tokens", type=int, help="longest answer in tokens")
    chat.add_argument("--temperature", type=float, default=0.0, help="0 (the default) always takes the likeliest token")

    download = commands.add_parser("download", help="fetch a model into the cache: resumable, with checksums")
    download.add_argument(
        "model", nargs="?", default="", help="id on the hub; ASKMESH_LLM_MODEL or Phi-3-mini if left out"
    )
    download.add_argument(
        "--revision", default="", help="commit, tag or branch; the pinned commit for the default model"
    )

    bench = commands.add_parser("bench", help="measure a server under load")
    bench.add_argument("--url", default="http://127.0.0.1:8003/v1", help="base URL (%(default)s)")
    bench.add_argument("--key", default="", help="API key")
    bench.add_argument("--model", default="", help="model asked for")
    bench.add_argument(
        "--concurrency", type=_counts, default="1,4,8,16", help="requests at once, one run each (%(default)s)"
    )
    bench.add_argument("--requests", type=_count, help="requests a run; as many as at once by default")
    bench.add_argument("--prompt-words", type=_count, default=100, help="length of the prompts (%(default)s)")
    bench.add_argument("--max-tokens", type=_count, default=64, help="length of the answers (%(default)s)")
    bench.add_argument("--json", action="store_true", help="print JSON")

    golden = commands.add_parser("golden", help="show the model's fingerprint and golden answer (transformers, int4)")
    golden.add_argument(
        "--record", metavar="FILE", default="", help="add them to this file, for ASKMESH_LLM_GOLDEN_FILE"
    )

    build = commands.add_parser("build-int4", help="make the int4 engine's model folder from a checkpoint")
    build.add_argument("checkpoint", help="folder with safetensors weights, e.g. what `download` printed")
    build.add_argument("target", help="folder to make, for ASKMESH_LLM_MODEL")
    return parser


def _count(text: str) -> int:
    if not text.strip().isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of at least 1")
    return int(text)


def _counts(text: str) -> list[int]:
    return [_count(part) for part in text.split(",")]


def _serve(_: argparse.Namespace) -> None:
    from askmesh_kit.server import serve

    from askmesh_llm.app import create_app
    from askmesh_llm.settings import Settings

    serve(create_app, Settings(), "llm")


def _openapi(_: argparse.Namespace) -> None:
    from askmesh_llm.app import create_app
    from askmesh_llm.settings import Settings

    json.dump(create_app(Settings()).openapi(), sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")


def _chat(arguments: argparse.Namespace) -> None:
    from askmesh_kit import logs
    from pydantic import SecretStr

    from askmesh_llm.commands.chat import chat
    from askmesh_llm.engines.base import SamplingParams
    from askmesh_llm.engines.registry import create_engine
    from askmesh_llm.settings import Settings

    settings = Settings()
    logs.configure("llm", "error", "console")
    if arguments.url:
        upstream = {"upstream_url": arguments.url, "upstream_api_key": SecretStr(arguments.key)}
        settings = settings.model_copy(
            update={"engine": "openai", "model": "", "upstream_model": arguments.model, **upstream}
        )
    params = SamplingParams(max_tokens=arguments.max_tokens, temperature=arguments.temperature)
    chat(create_engine(settings), arguments.system, params)


def _download(arguments: argparse.Namespace) -> None:
    from askmesh_llm.settings import Settings

    try:
        from askmesh_llm.commands.download import DownloadFailed, download
        from askmesh_llm.engines.transformers.default import DEFAULT_MODEL, DEFAULT_REVISION
    except ImportError as error:
        raise SystemExit(f"{error}; install it with: pip install 'askmesh-llm[transformers]'") from error
    settings = Settings()
    model = arguments.model or settings.model or DEFAULT_MODEL
    revision = arguments.revision or settings.revision or (DEFAULT_REVISION if model == DEFAULT_MODEL else None)
    try:
        folder, commit = download(model, revision)
    except DownloadFailed as error:
        raise SystemExit(f"{model}: {error}") from error
    sys.stdout.write(f"{folder}\n")
    sys.stderr.write(f"To serve exactly this: ASKMESH_LLM_MODEL={model} ASKMESH_LLM_REVISION={commit}\n")


def _bench(arguments: argparse.Namespace) -> None:
    import time

    from askmesh_llm.commands.load import Load, run

    first = int(time.time())
    for concurrency in arguments.concurrency:
        requests = arguments.requests or concurrency
        load = Load(concurrency, requests, arguments.prompt_words, arguments.max_tokens, arguments.model, first)
        first += requests
        result = asyncio.run(run(arguments.url, arguments.key, load))
        sys.stdout.write(f"{json.dumps(result.as_dict()) if arguments.json else result.row()}\n")
        sys.stdout.flush()


def _golden(arguments: argparse.Namespace) -> None:
    from askmesh_llm.commands.golden import describe
    from askmesh_llm.settings import Settings

    sys.stdout.write(asyncio.run(describe(Settings(), arguments.record)))


def _build_int4(arguments: argparse.Namespace) -> None:
    from pathlib import Path

    from askmesh_llm.commands.build_int4 import build

    build(Path(arguments.checkpoint), Path(arguments.target))
    sys.stderr.write(f"To serve it: ASKMESH_LLM_ENGINE=int4 ASKMESH_LLM_MODEL={arguments.target}\n")


_COMMANDS = {
    "serve": _serve,
    "openapi": _openapi,
    "chat": _chat,
    "download": _download,
    "bench": _bench,
    "golden": _golden,
    "build-int4": _build_int4,
}

if __name__ == "__main__":
    main()
