"""The page's own Markdown and event parsers, run in the browser they are written for."""

import json

import pytest

RENDER = """async (text) => {
  const { MarkdownView } = await import("/static/markdown.js");
  const target = document.createElement("div");
  const cite = (number) => number < 4 ? Object.assign(document.createElement("a"), { textContent: number }) : null;
  new MarkdownView(target, cite).update(text);
  for (const figure of target.querySelectorAll("figcaption")) figure.remove();
  for (const node of target.querySelectorAll("[tabindex]")) node.removeAttribute("tabindex");
  return target.innerHTML;
}"""


TABLE = (
    '<div class="table" role="region" aria-label="Table"><table><thead><tr><th>a</th><th>b</th></tr></thead>'
    "<tbody><tr><td>1 | 2</td><td><code>c</code></td></tr></tbody></table></div>"
)


@pytest.mark.parametrize(
    ("markdown", "html"),
    [
        ("one\ntwo\n\nthree", "<p>one\ntwo</p><p>three</p>"),
        ("# Top\n### Deep ###", "<h3>Top</h3><h5>Deep</h5>"),
        ("**bold** *it* ***both*** `c*d*e`", "<p><strong>bold</strong> <em>it</em> ***both*** <code>c*d*e</code></p>"),
        ("__init__ and snake_case_name and 2*3*4", "<p>__init__ and snake_case_name and 2*3*4</p>"),
        ("def f(*args, **kwargs): call(*args, **kwargs)", "<p>def f(*args, **kwargs): call(*args, **kwargs)</p>"),
        ("``a ` b``", "<p><code>a ` b</code></p>"),
        (r"\*not\* \[1\] [1][2] [9] [1](x)", "<p>*not* [1] <a>1</a><a>2</a> [9] [1](x)</p>"),
        ("`[1]` and [2]", "<p><code>[1]</code> and <a>2</a></p>"),
        ("- a\n- b\n  - c\n- d", "<ul><li>a</li><li>b<ul><li>c</li></ul></li><li>d</li></ul>"),
        ("3. a\n4. b", '<ol start="3"><li>a</li><li>b</li></ol>'),
        ("1. a\n\n   more\n\n2. b", "<ol><li>a<p>more</p></li><li>b</li></ol>"),
        ("- a\n\nafter", "<ul><li>a</li></ul><p>after</p>"),
        ("text\n- item [1]", "<p>text</p><ul><li>item <a>1</a></li></ul>"),
        (
            "- x\n  ```\n  code\n  ```\n- y",
            '<ul><li>x<figure class="code"><pre><code>code</code></pre></figure></li><li>y</li></ul>',
        ),
        (
            "```py\na = [1]\n\n<b>\n```\nafter",
            '<figure class="code"><pre><code>a = [1]\n\n&lt;b&gt;</code></pre></figure><p>after</p>',
        ),
        ("```\nstill open", '<figure class="code"><pre><code>still open</code></pre></figure>'),
        ("````\n```\ninner\n```\n````", '<figure class="code"><pre><code>```\ninner\n```</code></pre></figure>'),
        ("> a\n> b", "<blockquote><p>a\nb</p></blockquote>"),
        ("a\n\n---\n\nb", "<p>a</p><hr><p>b</p>"),
        ("[a](http://x) <http://y> http://z", "<p>[a](http://x) &lt;http://y&gt; http://z</p>"),
        (
            "| a | b |\n|---|:-:|\n| 1 \\| 2 | `c` |",
            TABLE,
        ),
        ("a | b, not a table", "<p>a | b, not a table</p>"),
        ("", ""),
    ],
)
def test_markdown(still_page, markdown, html):
    assert still_page.evaluate(RENDER, markdown) == html


def test_a_growing_text_ends_as_if_it_had_come_at_once(still_page):
    text = "# A\n\nsome **bold** and [1]\n\n- x\n- y\n  - z\n\n```py\nif a:\n    b\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n> q\n\nend."
    grown = still_page.evaluate(
        """async (text) => {
          const { MarkdownView } = await import("/static/markdown.js");
          const [slow, fast] = [document.createElement("div"), document.createElement("div")];
          const cite = () => document.createElement("a");
          const view = new MarkdownView(slow, cite);
          for (let end = 1; end <= text.length; end += 1) view.update(text.slice(0, end));
          new MarkdownView(fast, cite).update(text);
          return [slow.innerHTML, fast.innerHTML];
        }""",
        text,
    )
    assert grown[0] == grown[1]


def test_finished_blocks_are_left_alone_while_the_text_grows(still_page):
    kept = still_page.evaluate(
        """async () => {
          const { MarkdownView } = await import("/static/markdown.js");
          const target = document.createElement("div");
          const view = new MarkdownView(target, () => null);
          view.update("first\\n\\nsec");
          const first = target.firstChild;
          view.update("first\\n\\nsecond\\n\\nthird");
          return [first === target.firstChild, target.children.length];
        }"""
    )
    assert kept == [True, 3]


def test_events_are_parsed_whatever_the_chunk_borders(still_page):
    stream = 'event: status\r\ndata: {"a":\r\ndata:  "ü"}\r\n\r\n: ping\n\ndata: plain\n\nevent: delta\rdata: {"text": "x"}\r\rid: 1\nevent: done\ndata: {}\n\n'
    expected = [["status", '{"a":\n "ü"}'], ["message", "plain"], ["delta", '{"text": "x"}'], ["done", "{}"]]
    results = still_page.evaluate(
        """async (stream) => {
          const { EventParser } = await import("/static/sse.js");
          const results = new Set();
          for (let first = 0; first <= stream.length; first += 1) {
            for (const second of [first, first + 1, first + 7]) {
              const parser = new EventParser();
              const pieces = [stream.slice(0, first), stream.slice(first, second), stream.slice(second)];
              results.add(JSON.stringify(pieces.flatMap((piece) => [...parser.push(piece)]).map(({ event, data }) => [event, data])));
            }
          }
          return [...results];
        }""",
        stream,
    )
    assert [json.loads(result) for result in results] == [expected]


def test_a_long_hostile_answer_does_not_freeze_the_page(still_page):
    took = still_page.evaluate(
        """async () => {
          const { MarkdownView } = await import("/static/markdown.js");
          const began = performance.now();
          for (const piece of ["**", "*a", "`", "[1]", "> ", "- ", "|a", "\\\\", "``` ", "**a *b `c [", "| - "]) {
            new MarkdownView(document.createElement("div"), () => null).update(piece.repeat(8000 / piece.length));
            new MarkdownView(document.createElement("div"), () => null).update((piece + "\\n").repeat(2000 / piece.length));
          }
          return performance.now() - began;
        }"""
    )
    assert took < 30_000
