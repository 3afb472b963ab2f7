"""The page at /, in Debian's Chromium: by keyboard alone, under its policy, and every number it shows against the API's own."""
import contextlib
import json
import math
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request

import pytest
from conftest import running_server
from example_programs import NODE, commands_vectors, f32, folder_of
from playwright.sync_api import expect, sync_playwright

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]
KEY = "sesame-7f3a"


def get(url, **headers):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as response:
            return response.status, response.headers, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


@pytest.fixture(scope="module")
def shows_a_page(server):
    if "html" not in get(server + "/", Accept="text/html")[1]["Content-Type"]:
        pytest.skip("this binary was built without web/ (make build builds it with)")
    return server


@pytest.fixture(scope="module")
def browser(shows_a_page):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser):
    """visit(url, **context options) -> a page with the server ready; at the end nothing was wrong in the console (but what
    `forgive` matches) and nothing was asked of another origin."""
    seen = []
    with contextlib.ExitStack() as stack:

        def open_page(url, state="ready", forgive=None, **options):
            context = browser.new_context(**options)
            stack.callback(context.close)
            page = context.new_page()
            page.on("console", lambda m: seen.append((forgive, m.text)) if m.type in ("error", "warning") else None)
            page.on("pageerror", lambda e: seen.append((None, str(e))))
            page.on("request", lambda r: None if r.url.startswith((url + "/", "data:")) else seen.append((None, r.url)))
            page.goto(url + "/")
            expect(page.locator("#state")).to_have_attribute("data-state", state)
            return page

        yield open_page
    assert [text for forgive, text in seen if not (forgive and re.search(forgive, text))] == []


def lines(page, box):
    return page.locator(box).input_value().split("\n")


def vectors(url, texts, input_type, **fields):
    body = json.dumps({"input": texts, "input_type": input_type, **fields}).encode()
    request = urllib.request.Request(url + "/v1/embeddings", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as response:
        return [item["embedding"] for item in json.load(response)["data"]]


def cosines(rows, columns):
    return [[sum(a * b for a, b in zip(row, column, strict=True)) for column in columns] for row in rows]


def assert_close(want, got, tolerance):
    for row, shown in zip(want, got, strict=True):
        assert all(math.isclose(a, b, abs_tol=tolerance) for a, b in zip(row, shown, strict=True)), (row, shown)


def shown_matrix(page):
    numbers = [float(text.replace("−", "-")) for text in page.locator("td[role=gridcell]").all_inner_texts()]
    n = len(page.locator(".heat thead th").all())
    return [numbers[i:i + n] for i in range(0, len(numbers), n)]


def test_the_page_is_answered_to_browsers_with_its_policy_and_kept_by_its_tag(shows_a_page):
    status, headers, body = get(shows_a_page + "/", Accept="text/html,*/*;q=0.8")
    assert status == 200 and body.startswith(b"<!doctype html>")
    assert headers["Content-Security-Policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'")
    assert (headers["X-Content-Type-Options"], headers["Referrer-Policy"]) == ("nosniff", "no-referrer")
    assert headers["Cache-Control"] == "no-cache"
    assert get(shows_a_page + "/", **{"Accept": "text/html", "If-None-Match": headers["ETag"]})[0] == 304
    assert get(shows_a_page + "/", Accept="*/*")[1]["Content-Type"].startswith("text/plain")  # curl
    for asset in re.findall(rb'(?:src|href)="\./(assets/[^"]+)"', body):
        status, headers, plain = get(f"{shows_a_page}/{asset.decode()}")
        assert status == 200 and "immutable" in headers["Cache-Control"] and plain
    assert get(shows_a_page + "/assets/none-12345678.js")[0] == 404


def test_an_example_by_keyboard_alone(shows_a_page, visit):
    page = visit(shows_a_page)
    press = page.keyboard.press
    for _ in range(30):  # Tab reaches the first box
        press("Tab")
        if page.evaluate("document.activeElement.id") == "queries":
            break
    press("Control+Enter")
    expect(page.locator("#heat")).to_be_visible()
    queries, passages = lines(page, "#queries"), lines(page, "#passages")
    want = cosines(vectors(shows_a_page, queries, "query"), vectors(shows_a_page, passages, "passage"))
    got = shown_matrix(page)
    assert [len(row) for row in got] == [len(passages)] * len(queries)
    assert_close(want, got, 0.0051)
    for row, article in zip(want, page.locator("#near-lists article").all(), strict=True):
        ranked = [int(li.get_attribute("data-column")) for li in article.locator("li").all()]
        assert ranked == sorted(range(len(row)), key=lambda k: -row[k])
    assert "3 queries and 5 passages" in page.locator("#summary").inner_text()

    for _ in range(60):  # one Tab stop for the whole grid, arrows inside
        press("Tab")
        if page.evaluate("document.activeElement.getAttribute('role')") == "gridcell":
            break
    for key in ("ArrowRight", "ArrowRight", "ArrowDown"):
        press(key)
    label = page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert label.startswith(f"Q2 and P3: {want[1][2]:.4f}".replace("-", "−"))
    told = page.locator("#pair").inner_text()
    assert queries[1] in told and passages[2][:30] in told
    press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('role')") != "gridcell"


def test_what_is_too_long_is_shown_cut_or_refused_readably(shows_a_page, visit):
    page = visit(shows_a_page, forgive="status of 400")
    page.fill("#queries", "short")
    page.fill("#passages", "word " * 400 + "\nalso short")
    page.click("#go")
    row = page.locator('tr[data-text="P1"]')
    expect(row).to_contain_text("402 → 256")
    expect(row).to_contain_text("146 tokens cut at the end")
    expect(page.locator("#summary")).to_contain_text("1 text was cut")
    page.select_option("#truncate", "NONE")
    page.click("#go")
    expect(page.locator("#error")).to_contain_text("402")
    expect(row).to_contain_text("146 tokens too long")
    expect(page.locator("#heat")).to_be_hidden()
    page.get_by_role("button", name="Cut long texts").click()
    expect(page.locator("#error")).to_be_hidden()
    expect(page.locator("#heat")).to_be_visible()


def shown_code(page, language):
    page.get_by_role("tab", name=language).click()
    return page.locator("#code-text").inner_text()


def outcome(root, language, code, **env):
    """What the shown code prints when it is run, and the vectors that it has then: (numbers or None, [f32 bits of a text's vector])."""
    if language == "curl":
        command, folder, code = ["bash", "-eu", "-c", code.replace("\ncurl ", "\necho; curl ")], root, ""
    elif language == "Python":
        command, folder, code = [sys.executable, "-"], root, code + "import json\nprint(json.dumps(queries + passages))\n"
    else:  # imports are looked for from the working folder on: where the example's pinned openai is
        folder_of(NODE, root)
        command, folder = ["node", "--input-type=module", "-"], root / "build/clients/node"
        code += "console.log(JSON.stringify([...queries, ...passages]));\n"
    bare = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    done = subprocess.run(command, input=code, cwd=folder, env={**bare, **env}, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, (language, done.stdout, done.stderr)
    printed = [line for line in done.stdout.splitlines() if line]
    if language == "curl":
        replies = [json.loads(line) for line in printed]
        scores = replies.pop(0)["scores"] if "scores" in replies[0] else None
        return scores, [f32(item["embedding"]) for reply in replies for item in reply["data"]]
    scores = [[float(number) for number in re.findall(r"-?[\d.]+(?:e-?\d+)?", line)] for line in printed[:-1]]
    return scores, [f32(vector) for vector in json.loads(printed[-1])]


LANGUAGES = ["curl", "Python", "Node"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_code_shown_has_the_commands_vectors(shows_a_page, visit, root, lode, default_model, language):
    page = visit(shows_a_page, permissions=["clipboard-read", "clipboard-write"])
    queries, passages = ["it's \"quoted\" \\n $HOME `id` ${1}", "naïve café 😀"], ["don't", "a café", "x"]
    page.fill("#queries", "\n".join(queries))
    page.fill("#passages", "\n".join(passages))
    page.click("#go")
    expect(page.locator("#code")).to_be_visible()
    code = shown_code(page, language)
    page.click("#copy")
    expect(page.locator("#copied")).to_have_text("Copied.")
    assert page.evaluate("navigator.clipboard.readText()").rstrip() == code.rstrip()
    texts = [(text, "query") for text in queries] + [(text, "passage") for text in passages]
    printed, found = outcome(root, language, code)
    assert found == commands_vectors(lode, default_model, texts)
    want = cosines(vectors(shows_a_page, queries, "query"), vectors(shows_a_page, passages, "passage"))
    assert_close(want, printed, 1e-5 if language == "curl" else 5.1e-5)  # four digits


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_code_of_passages_alone_has_the_commands_vectors(shows_a_page, visit, root, lode, default_model, language):
    page = visit(shows_a_page)
    page.fill("#queries", "")
    page.fill("#passages", "a cat\na kitten")
    page.click("#go")
    expect(page.locator("#code")).to_be_visible()
    printed, found = outcome(root, language, shown_code(page, language))
    want = commands_vectors(lode, default_model, [("a cat", "passage"), ("a kitten", "passage")])
    assert found == (want if language == "curl" else want + want)  # there passages are the queries too
    if language != "curl":
        assert [row[i] for i, row in enumerate(printed)] == [1, 1] and printed[0][1] == printed[1][0] < 1


def test_the_codes_tabs_are_one_stop_with_arrows_inside(shows_a_page, visit):
    page = visit(shows_a_page)
    page.click("#go")
    expect(page.locator("#code")).to_be_visible()
    shown_code(page, "Python")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Node")).to_have_attribute("aria-selected", "true")
    assert "new OpenAI(" in page.locator("#code-text").inner_text()


def test_passages_alone_are_compared_with_one_another(shows_a_page, visit):
    page = visit(shows_a_page)
    page.select_option("#example", label="the same said twice")
    page.click("#go")
    expect(page.locator("td.self")).to_have_count(5)
    matrix = shown_matrix(page)
    assert all(matrix[i][i] == 1 and matrix[i][k] == matrix[k][i] for i in range(5) for k in range(5))
    assert "P2" in page.locator("#near-lists article").first.locator("li").first.inner_text()


def test_one_of_several_models_is_chosen_and_told_its_task(lode, visit, checkpoint, default_model, root):
    with running_server(lode, "--model", "all-minilm-l6-v2", "--model", checkpoint("nv-embed", "tiny")) as url:
        page = visit(url)
        assert page.locator("#model option").count() == 2
        assert page.locator('#prompt option[value="task"]').is_disabled()  # the first one takes none
        model = page.locator("#model option").nth(1).get_attribute("value")
        page.select_option("#model", model)
        page.select_option("#prompt", "task")
        page.fill("#words", "Find the answer")
        expect(page.locator("#preview")).to_contain_text("Instruct: Find the answer⏎Query: ")
        page.click("#go")
        expect(page.locator("#heat")).to_be_visible()
        query_vectors = vectors(url, lines(page, "#queries"), "query", model=model, task="Find the answer")
        want = cosines(query_vectors, vectors(url, lines(page, "#passages"), "passage", model=model))
        assert_close(want, shown_matrix(page), 0.0051)
        page.locator("#tokens summary").first.click()
        assert page.locator("#tokens .aside").count() > 5  # the instruction is read but not pooled
        assert '"task": "Find the answer"' in page.locator("#code-text").inner_text()
        both = query_vectors + vectors(url, lines(page, "#passages"), "passage", model=model)
        for language in LANGUAGES:
            assert outcome(root, language, shown_code(page, language))[1] == list(map(f32, both)), language


def test_dark_follows_the_system_and_the_button(shows_a_page, visit):
    page = visit(shows_a_page, color_scheme="dark", viewport={"width": 390, "height": 844})

    def brightness():
        return sum(map(int, re.findall(r"\d+", page.evaluate("getComputedStyle(document.body).backgroundColor"))[:3]))

    assert brightness() < 150
    page.click("#theme")  # auto -> light
    assert brightness() > 600
    page.reload()
    assert brightness() > 600
    page.click("#go")
    expect(page.locator("#heat")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_server_with_keys_is_given_one_and_the_code_never_shows_it(lode, visit, default_model, tmp_path, root):
    keys = tmp_path / "keys"
    keys.write_text(f"me:{KEY}\n")
    with running_server(lode, "--api-keys", keys) as url:
        page = visit(url, state="key", forgive="status of 401")
        page.fill("#key", "wrong")
        page.keyboard.press("Enter")
        expect(page.locator("#key-error")).to_contain_text("does not know this key")
        page.fill("#key", KEY)
        page.keyboard.press("Enter")
        expect(page.locator("#state")).to_have_attribute("data-state", "ready")
        expect(page.locator("#key-card")).to_be_hidden()
        page.click("#go")
        expect(page.locator("#code")).to_be_visible()
        found = []
        for language in LANGUAGES:
            code = shown_code(page, language)
            assert "LODE_API_KEY" in code and KEY not in code
            found.append(outcome(root, language, code, LODE_API_KEY=KEY)[1])
        assert len(found[0]) == 8 and found[0] == found[1] == found[2]
        assert page.evaluate("localStorage.length") == 0


def test_a_server_that_goes_away_is_said_and_found_again(shows_a_page, visit):
    page = visit(shows_a_page, forgive="ERR_FAILED")
    page.route("**/v1/**", lambda route: route.abort())
    page.click("#go")
    expect(page.locator("#away")).to_contain_text("does not answer")
    expect(page.locator("#state")).to_have_attribute("data-state", "away")
    page.unroute("**/v1/**")
    page.click("#go")
    expect(page.locator("#heat")).to_be_visible()
    expect(page.locator("#state")).to_have_attribute("data-state", "ready", timeout=20_000)


def test_the_server_card_says_what_is_served(shows_a_page, visit):
    page = visit(shows_a_page)
    expect(page.locator("#models")).to_contain_text("all-minilm-l6-v2")
    for text in ("384", "256", "Apache-2.0", "Requests waiting", "0 of "):
        expect(page.locator("#models")).to_contain_text(text)
