"""`askmesh-llm golden`: what the self-test knows of the configured model, and how to teach it more."""

from askmesh_llm.engines import golden
from askmesh_llm.engines.registry import create_engine
from askmesh_llm.settings import Settings


async def describe(settings: Settings, record: str) -> str:
    """Load the model, and tell its fingerprint and golden answer; with `record`, add them to that file.

    Raises SystemExit when the engine has no model, or it can't be loaded or fails its self-test.
    """
    # A model that is being recorded is not held to an older record of its own.
    engine = create_engine(settings.model_copy(update={"golden_file": ""}) if record else settings)
    if not isinstance(engine, golden.Tested):
        raise SystemExit(f"the engine {settings.engine} runs no weights of its own; use transformers or int4")
    await engine.start()
    try:
        if trouble := await engine.ready():
            raise SystemExit(f"{engine.info.model}: {trouble}")
        name, steps = await engine.golden_steps()
        known = golden.table("" if record else settings.golden_file).get(name)
        tokens = golden.record(record, name, engine.info.model, steps) if record else golden.clear_beginning(steps)
        text = await engine.detokenize(tokens)
        state = f"recorded in {record}" if record else "known" if known is not None else "not known"
        return f"{engine.info.model}\nfingerprint {name}: {state}\nbegins with {text!r}: tokens {tokens}\n"
    finally:
        await engine.close()
