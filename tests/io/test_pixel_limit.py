import threading

from PIL import Image

from ctal.io.pixel_limit import without_pixel_limit


def test_the_last_thread_restores_the_limit():
    before = Image.MAX_IMAGE_PIXELS
    entered, leave = threading.Event(), threading.Event()

    def other():
        with without_pixel_limit:
            entered.set()
            leave.wait(10)

    with without_pixel_limit:
        thread = threading.Thread(target=other)
        thread.start()
        assert entered.wait(10)
        assert Image.MAX_IMAGE_PIXELS is None
    assert Image.MAX_IMAGE_PIXELS is None
    leave.set()
    thread.join()
    assert before == Image.MAX_IMAGE_PIXELS is not None
