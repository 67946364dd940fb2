"""`ctal demo` in a browser, and with requests that no browser would send."""

import contextlib
import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from tests.small_networks import write_checkpoint

from ctal.networks import CTALNet, SharedEncoderNet
from ctal.tasks import Depth, SemanticSegmentation

httpx = pytest.importorskip("httpx", reason="needs gradio, the extra `demo`")
pytest.importorskip("gradio", reason="needs gradio, the extra `demo`")

TASKS = ("semseg", "depth")
# shells start what runs in the background with Ctrl-C ignored
START = """
import signal
from ctal.cli import main
signal.signal(signal.SIGINT, signal.default_int_handler)
raise SystemExit(main())
"""


def picture(seed, size=(48, 40)):
    values = np.random.default_rng(seed).integers(0, 256, (*size[::-1], 3))
    content = io.BytesIO()
    Image.fromarray(values.astype(np.uint8)).save(content, "PNG")
    return content.getvalue()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    (folder / "secret.png").write_bytes(picture(7))
    (folder / "temporary").mkdir()
    return folder


@pytest.fixture(scope="module")
def address(folder):
    """Run a demo of small random networks; stop it by Ctrl-C and check that no file is left."""
    torch.manual_seed(0)
    tasks = [SemanticSegmentation(4), Depth()]
    network = CTALNet(tasks, "test_resnet", image_size=(32, 64), channels=8)
    ours = write_checkpoint(network, folder / "ours.ckpt")
    other = write_checkpoint(
        SharedEncoderNet(tasks, "test_resnet", image_size=(32, 64)), folder / "other.ckpt"
    )
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    args = ["demo", "--checkpoint", ours, "--single_task", other, "--port", str(port)]
    process = subprocess.Popen(
        # shells start what runs in the background with Ctrl-C ignored
        [
            sys.executable,
            "-c",
            f"{START}from ctal.cli.main import main; raise SystemExit(main())",
            *args,
        ],
        cwd=folder,
        env=os.environ | {"TMPDIR": str(folder / "temporary")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    told = process.stdout.readline()
    assert told.split()[:1] == [f"http://127.0.0.1:{port}"], process.communicate()
    for _ in range(200):
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(told.split()[0], timeout=30).status_code == 200:
                break
    yield told.split()[0]
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.endswith("\nstopped by Ctrl-C\n")
    assert list((folder / "temporary").iterdir()) == []


@pytest.fixture
def browser():
    """Start headless Chromium."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("needs a browser: Chromium")
    arguments = ["--no-sandbox", "--enable-unsafe-swiftshader"]
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=program, args=arguments)
        yield opened
        opened.close()


def test_an_image_is_uploaded_a_pixel_is_clicked_and_the_maps_change(address, browser, folder):
    # as high as the page, since browsers load images only when they are near
    page = browser.new_page(viewport={"width": 1400, "height": 4000})
    page.set_default_timeout(60_000)
    asked, refused, failures = set(), set(), []
    page.on("request", lambda request: asked.add(request.url))
    page.on(
        "response", lambda found: found.status >= 400 and refused.add((found.status, found.url))
    )
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.goto(address, wait_until="domcontentloaded")

    def state():
        """Return the content of each image and each bar; None for an image that is loading.

        A click on an image that is loading is dropped by gradio, which divides by its width.
        """
        return page.evaluate(
            """() => Object.fromEntries([
                ...[...document.querySelectorAll(".ctal-image")].map(e => {
                    const image = e.querySelector("img");
                    const loaded = image?.complete && image.naturalWidth > 0;
                    return [e.id, loaded ? image.src : null];
                }),
                ...[...document.querySelectorAll("[id^=added-]")].map(e => [e.id, e.innerText]),
                ["caption", document.querySelector("#caption")?.innerText]])"""
        )

    def changed(names, before):
        """Wait until all of these elements have changed and every image is loaded."""
        for _ in range(600):
            now = state()
            loaded = all(now[name] for name in predicted | explained if name in now)
            if loaded and all(now.get(n) and now[n] != before.get(n) for n in names):
                return now
            page.wait_for_timeout(100)
        raise AssertionError([name for name in names if now.get(name) == before.get(name)])

    predicted = {f"{part}-{task}" for part in ("predicted", "single") for task in TASKS}
    explained = {f"{part}-{task}" for part in ("affinity", "mixed", "added") for task in TASKS}
    explained |= {"image", "caption"}
    first = changed(predicted | explained, {})
    # every map is a stop of the Tab key with a text, and shows its value under the pointer
    page.wait_for_function(
        """() => [...document.querySelectorAll(".ctal-image img")].every(
            image => image.alt && image.tabIndex === 0)"""
    )
    page.locator("#predicted-depth img").hover()
    value = re.compile(r"class \d · \d+\.\d\d m")
    page.locator("#ctal-tip", has_text=value).wait_for()
    page.mouse.move(0, 0)
    page.locator("#ctal-tip").wait_for(state="hidden")
    # the page fits a phone
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.set_viewport_size({"width": 1400, "height": 4000})
    upload = {"name": "mine.png", "mimeType": "image/png", "buffer": picture(1)}
    page.set_input_files("input[type=file]", upload)
    mine = changed(predicted | explained, first)
    assert "pixel x 24, y 20 (48 x 40)" in mine["caption"]

    box = page.locator("#image img").bounding_box()
    place = {"x": box["width"] * 0.9, "y": box["height"] * 0.9}
    page.locator("#image img").click(position=place)
    clicked = changed(explained, mine)
    assert all(clicked[name] == mine[name] for name in predicted)
    x, y = map(int, re.search(r"x (\d+), y (\d+)", clicked["caption"]).groups())
    assert abs(x - 43) <= 1
    assert abs(y - 36) <= 1

    # a second click, while the request of the first one has not reached the server
    held = []
    page.route("**/queue/join*", lambda route: held.append(route))
    for number, share in enumerate((0.5, 0.1), start=1):
        place = {"x": box["width"] * share, "y": box["height"] * share}
        page.locator("#image img").click(position=place)
        for _ in range(300):
            if len(held) < number:
                page.wait_for_timeout(100)
        assert len(held) == number
    for route, place in zip(held, (r"x 2[345], y (19|20|21) ", r"x [45], y [345] "), strict=True):
        route.continue_()
        page.locator("#caption", has_text=re.compile(place)).wait_for()
    page.unroute("**/queue/join*")

    text = {"name": "mine.png", "mimeType": "image/png", "buffer": b"text"}
    page.set_input_files("input[type=file]", text)
    toast = page.get_by_text("this file cannot be read as an image")
    toast.wait_for()
    assert "\n" not in toast.inner_text()
    assert toast.count() == 1
    # nothing else breaks: the maps stay, the next upload and the keyboard work
    before = state()
    assert all(before[name] for name in predicted | explained)
    page.set_input_files("input[type=file]", upload | {"buffer": picture(2, (40, 48))})
    changed(predicted | explained, before)
    page.locator("#predicted-depth img").focus()
    for key in ("ArrowRight", "Shift+ArrowDown", "Enter"):
        page.keyboard.press(key)
    page.locator("#caption", has_text=re.compile(r"x 2[012], y (28|29|30) ")).wait_for()
    assert {re.match(r"[a-z]+://[^/]*|data:|blob:", url)[0] for url in asked} <= {
        *(address, f"blob:{address}", "data:", "blob:")
    }
    assert not failures
    assert not refused
    assert list((folder / "temporary").rglob("mine*")) == []


def answer(address, data, session):
    """Send an upload event; return whether it succeeded, and the response."""
    config = httpx.get(f"{address}/config").json()
    (event,) = (e for e in config["dependencies"] if e["targets"][0][1] == "upload")
    body = {"data": [data, "refinement.ctal"], "fn_index": event["id"], "session_hash": session}
    joined = httpx.post(f"{address}/gradio_api/queue/join", json=body)
    if joined.status_code != 200:
        return False, joined.text
    with httpx.stream(
        "GET", f"{address}/gradio_api/queue/data", params={"session_hash": session}, timeout=60
    ) as events:
        for line in events.iter_lines():
            if "process_completed" in line:
                return json.loads(line.removeprefix("data: "))["success"], line
    raise AssertionError("no answer")


def file_data(path, **more):
    return {"path": str(path), "meta": {"_type": "gradio.FileData"}, **more}


def test_an_uploaded_file_is_used_and_removed(address, folder):
    sent = httpx.post(f"{address}/gradio_api/upload", files={"files": ("a.png", picture(3))})
    (path,) = sent.json()
    assert os.path.isfile(path)
    success, line = answer(address, file_data(path), "uploads")
    assert success, line
    assert not os.path.exists(path)


@pytest.mark.parametrize(
    "name", ["secret.png", "/etc/passwd", "../secret.png", "ours.ckpt", "temporary/../secret.png"]
)
def test_paths_given_by_a_visitor_are_not_read(address, folder, name):
    for number, data in enumerate(
        (
            file_data(folder / name),
            file_data(name),
            file_data(folder / name, url=f"{address}/gradio_api/file={folder / name}"),
            {"path": str(folder / name)},
            str(folder / name),
        )
    ):
        success, line = answer(address, data, f"paths-{name[:3]}-{number}")
        assert not success, (data, line)
        assert "root:" not in line
    for path in (folder / name, name, f"./{name}"):
        found = httpx.get(f"{address}/gradio_api/file={path}")
        assert found.status_code in (403, 404)
    assert (folder / "secret.png").is_file()


def test_urls_given_by_a_visitor_are_not_fetched(address):
    fetched = []
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.settimeout(0.5)
        url = f"http://127.0.0.1:{trap.getsockname()[1]}/a.png"
        for number, data in enumerate((file_data(url), file_data(url, url=url), {"path": url})):
            success, _ = answer(address, data, f"urls-{number}")
            assert not success
        for path in (f"file={url}", f"file%3D{url}", f"proxy={url}", f"file=%68ttp:{url[5:]}"):
            found = httpx.get(f"{address}/gradio_api/{path}", timeout=30)
            assert found.status_code in (403, 404)
        with contextlib.suppress(TimeoutError):
            fetched.append(trap.accept())
    assert fetched == []


def test_large_bodies_are_rejected(address):
    large = b"0" * 27_000_000
    sent = httpx.post(f"{address}/gradio_api/upload", files={"files": ("a.png", large)}, timeout=60)
    assert sent.status_code == 413
    body = {"data": [large.decode()], "fn_index": 0, "session_hash": "large"}
    assert httpx.post(f"{address}/gradio_api/queue/join", json=body, timeout=60).status_code == 413


def test_images_with_too_many_pixels_are_rejected(address):
    for number, (side, told) in enumerate(((8000, "got 8000x8000"), (20000, "at most 50 mega"))):
        content = io.BytesIO()
        Image.MAX_IMAGE_PIXELS, before = None, Image.MAX_IMAGE_PIXELS
        Image.new("1", (side, side)).save(content, "PNG")
        Image.MAX_IMAGE_PIXELS = before
        files = {"files": ("a.png", content.getvalue())}
        (path,) = httpx.post(f"{address}/gradio_api/upload", files=files).json()
        success, line = answer(address, file_data(path), f"pixels-{number}")
        assert not success
        assert told in line
        assert not os.path.exists(path)


def test_the_browser_requests_nothing_from_other_machines(address):
    policy = httpx.get(address).headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "http" not in policy
    page = httpx.get(address).text
    assert not re.search(r"(src|href)=\"(https?:)?//", page)


def test_two_visitors_with_the_same_file_get_one_response_each(address):
    sent = [
        httpx.post(f"{address}/gradio_api/upload", files={"files": ("a.png", picture(4))}).json()
        for _ in range(2)
    ]
    for number, (path,) in enumerate(sent):
        success, line = answer(address, file_data(path), f"same-{number}")
        assert success, line


def test_requests_of_other_sites_are_rejected(address):
    for headers in ({"host": "evil.example"}, {"origin": "http://evil.example"}):
        sent = httpx.post(f"{address}/gradio_api/queue/join", json={"data": []}, headers=headers)
        assert sent.status_code == 403
    assert httpx.get(address, headers={"host": "evil.example"}).status_code == 403
    assert httpx.get(f"{address}/gradio_api/openapi.json").status_code == 403


def closed_within(connection, seconds):
    connection.settimeout(seconds)
    return connection.recv(1000) == b""


def test_incomplete_headers_time_out(address):
    port = int(address.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: ")
        assert closed_within(connection, 30)


def test_an_interrupted_upload_leaves_no_file(address, folder):
    port = int(address.rpartition(":")[2])
    files = set((folder / "temporary").rglob("*"))
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(
            b"POST /gradio_api/upload HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2000000\r\n"
            b"Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\nContent-Disposition: "
            b'form-data; name="files"; filename="a.png"\r\n\r\n' + b"0" * 1_000_000
        )
    assert httpx.get(f"{address}/config").status_code == 200
    assert {file for file in (folder / "temporary").rglob("*") if file.is_file()} <= files
