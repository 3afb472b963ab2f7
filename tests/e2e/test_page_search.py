"""The page's search, in Debian's Chromium: hidden without an index; hits, reasons and marks as the API has them; texts stay texts."""
import re
import time

import pytest
from playwright.sync_api import expect
from serving import Server
from test_page import browser, shows_a_page, visit  # noqa: F401  (fixtures)
from trees import write_files

FILES = {
    "auth/session.py": "class Session:\n    def check_token(self, token):\n        \"\"\"Whether the session token holds.\"\"\"\n"
                       "        return token in self.tokens\n",
    "auth/login.py": "def login(user):\n    return Session().check_token(user)\n",
    "docs/guide.md": "# Guide\n\nThe session token is checked <b onclick='alert(1)'>at each</b> request.\n",
    "docs/<img src=x onerror=alert(1)>.md": "# Odd\n\nA file whose name is markup: the session token.\n",
}


@pytest.fixture(scope="module")
def served(lode, default_model, tmp_path_factory):
    top = write_files(tmp_path_factory.mktemp("project"), FILES)
    server = Server(lode, "--model", default_model, "--index", top, "--no-access-log",
                    env={"LODE_HOME": str(tmp_path_factory.mktemp("home"))})
    deadline = time.monotonic() + 60
    while not (now := server.ask("GET", "/v1/index")[2]["data"][0])["complete"] or now["embedding"]:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    yield server, top
    server.stop()


def test_without_an_index_there_is_no_search(shows_a_page, visit):  # noqa: F811
    page = visit(shows_a_page)
    expect(page.locator("#models article")).to_have_count(1)
    expect(page.locator("#search")).to_be_hidden()


def test_hits_are_the_apis_with_reasons_and_marks(served, visit):  # noqa: F811
    server, _ = served
    page = visit(server.url)
    expect(page.locator("#search")).to_be_visible()
    expect(page.locator("#search-state")).to_contain_text(f"{len(FILES)} files")
    page.locator("#search-query").focus()
    page.keyboard.type("where is the session token checked?")
    page.keyboard.press("Enter")
    expect(page.locator(".hit")).to_have_count(4)
    reply = server.ask("POST", "/v1/search", {"query": "where is the session token checked?", "mode": "hybrid"})[2]
    for card, hit in zip(page.locator(".hit").all(), reply["hits"], strict=True):
        assert card.locator("h3").inner_text().startswith(f"{hit['path']}:{hit['start_line']}–{hit['end_line']}")
        assert card.locator(".why .tag").all_inner_texts() == hit["why"]
        assert "\n".join(card.locator(".line code").all_text_contents()) == hit["snippet"]
    assert {text.lower() for text in page.locator(".hit mark").all_inner_texts()} >= {"session", "token"}
    # Neither a file's text nor its name becomes markup.
    assert page.locator(".hit img, .hit b").count() == 0


def test_modes_and_filters_reach_the_server(served, visit):  # noqa: F811
    server, _ = served
    page = visit(server.url, forgive="400")
    page.locator("#search-query").fill("Session()")
    page.locator("#search-mode").select_option("exact")
    page.locator("#search-form button").click()
    expect(page.locator(".hit")).to_have_count(1)
    assert page.locator(".hit mark").inner_text() == "Session()"
    expect(page.locator("#search-said")).to_contain_text("1 of 1 line")
    page.locator("#search-mode").select_option("lexical")
    page.locator("#search-query").fill("session token")
    page.locator("#search-language").fill("markdown")
    page.locator("#search-path").fill("docs/**, !*img*")
    page.keyboard.press("Enter")
    expect(page.locator(".hit h3")).to_have_text(re.compile("^docs/guide.md"))  # the one hit before was another's
    page.locator("#search-language").fill("klingon")
    page.keyboard.press("Enter")
    expect(page.locator("#search-said")).to_contain_text("language")
    expect(page.locator(".hit")).to_have_count(0)


def test_meaning_alone_is_a_choice_where_there_are_vectors(served, visit):  # noqa: F811
    server, _ = served
    page = visit(server.url)
    expect(page.locator("#search-state")).to_contain_text("4 files")
    assert page.locator("#search-dense").get_attribute("hidden") is None
    page.locator("#search-mode").select_option("dense")
    page.locator("#search-query").fill("is the visitor's ticket still valid?")
    page.keyboard.press("Enter")
    expect(page.locator(".hit .why .tag").first).to_contain_text("similarity")


def test_the_state_of_the_index_follows_the_folder(served, visit):  # noqa: F811
    server, top = served
    page = visit(server.url)
    expect(page.locator("#search-state")).to_contain_text("4 files")
    (top / "new.py").write_text("added = 1\n")
    expect(page.locator("#search-state")).to_contain_text("5 files", timeout=60_000)
    (top / "new.py").unlink()
