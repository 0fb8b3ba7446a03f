"""The page's files as HTTP serves them. No browser is needed for these."""

import re
from importlib.resources import files

import httpx2
import pytest

STATIC = files("askmesh_bot.frontends.web") / "static"
NAMES = sorted(entry.name for entry in STATIC.iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_every_file_is_served_and_revalidated(site, name):
    first = httpx2.get(f"{site.url}/static/{name}", timeout=60)
    assert first.status_code == 200
    assert first.content == (STATIC / name).read_bytes()
    assert first.headers["x-content-type-options"] == "nosniff"

    again = httpx2.get(f"{site.url}/static/{name}", headers={"If-None-Match": first.headers["etag"]}, timeout=60)
    assert again.status_code == 304
    assert again.content == b""
    stale = httpx2.get(f"{site.url}/static/{name}", headers={"If-None-Match": '"another"'}, timeout=60)
    assert stale.status_code == 200


def test_the_page_is_revalidated(site):
    first = httpx2.get(site.url + "/", timeout=60)
    again = httpx2.get(site.url + "/", headers={"If-None-Match": first.headers["etag"]}, timeout=60)
    assert (again.status_code, again.content) == (304, b"")
    assert "content-security-policy" in again.headers


@pytest.mark.parametrize("name", ["nothing.js", "..%2Froutes.py", "%2e%2e%2froutes.py", "routes.py", "."])
def test_only_the_folder_s_own_files_are_served(site, name):
    assert httpx2.get(f"{site.url}/static/{name}", timeout=60).status_code == 404


def test_a_nul_in_a_file_name_is_refused(site):
    assert httpx2.get(f"{site.url}/static/a%00b.js", timeout=60).status_code == 400


def test_the_page_s_policy_allows_nothing_inline_and_no_other_origin(site):
    response = httpx2.get(site.url + "/", timeout=60)
    policy = response.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "require-trusted-types-for 'script'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?! [^>]*src=)", response.text)
    assert re.findall(r'(?:src|href)="(?!/|#)[^"]*"', response.text) == []


def test_the_scripts_never_parse_markup_and_never_call_out():
    for name in NAMES:
        text = (STATIC / name).read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|https?://", text
        ), name


def test_the_favicon_is_where_browsers_look(site):
    response = httpx2.get(site.url + "/favicon.ico", timeout=60)
    assert response.headers["content-type"] == "image/svg+xml"


def test_a_deep_link_can_be_followed_without_scripts_and_is_escaped(site):
    text = httpx2.get(site.url + "/", params={"q": '"><script>alert(1)</script>'}, timeout=60).text
    assert "<noscript><meta" in text
    assert "<script>alert" not in text
