"""The baseline: one request after the other through `model.generate`. Runs as a process of its own, told by stdin.

Each line in is a load as JSON; each line out is what its callers would have seen, all of them having come at once.
"""

import json
import sys
import time
from typing import Any

from askmesh_llm.commands.load import Load


class _FirstToken:
    """A streamer that notes when the first new token comes; the prompt comes before it."""

    def __init__(self) -> None:
        self._calls, self.at = 0, 0.0

    def put(self, _: Any) -> None:
        self._calls += 1
        if self._calls == 2:
            self.at = time.perf_counter()

    def end(self) -> None:
        pass


def main() -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
    model = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.bfloat16).eval()
    print("ready", flush=True)
    for line in sys.stdin:
        load = Load(**json.loads(line))
        began, firsts, totals, tokens = time.perf_counter(), [], [], 0
        for number in range(load.first, load.first + load.requests):
            turn = [{"role": "user", "content": load.prompt(number)}]
            ids = tokenizer.apply_chat_template(turn, add_generation_prompt=True, return_tensors="pt")
            first = _FirstToken()
            made = model.generate(**ids, max_new_tokens=load.max_tokens, do_sample=False, streamer=first)
            tokens += made.shape[1] - ids["input_ids"].shape[1]
            firsts.append(first.at - began)
            totals.append(time.perf_counter() - began)
        print(json.dumps({"firsts": firsts, "totals": totals, "tokens": tokens}), flush=True)


if __name__ == "__main__":
    main()
