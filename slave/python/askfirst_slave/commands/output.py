"""One stream that a program prints to: its end is kept, and all of it goes to a file when wanted."""

import contextlib
import threading

TAIL_BYTES_MAX = 65_536
READ_BYTES = 65_536


class Output(threading.Thread):
    def __init__(self, stream, path, on_failure):
        """Reads until the stream ends. `path`: where all of it goes, or None. `on_failure` is called with the
        type and the words of a failure when the file cannot be written."""
        super().__init__(daemon=True)
        self.stream = stream
        self.path = path
        self.on_failure = on_failure
        self.bytes = 0
        self.tail = b""
        self.start()

    def run(self):
        try:
            with open(self.path, "wb") if self.path else contextlib.nullcontext() as file:
                while part := self.stream.read1(READ_BYTES):
                    if file:
                        file.write(part)
                    self.bytes += len(part)
                    self.tail = (self.tail + part)[-TAIL_BYTES_MAX:]
        except OSError as error:
            self.on_failure("executor-crashed", f"its {self.path} cannot be kept: {error.strerror}")

    def text(self):
        """The end, decoded as UTF-8 with replacement. A character that the limit cuts is left out."""
        tail, start = self.tail, 0
        if self.bytes > len(tail):
            while start < 3 and tail[start] & 0xC0 == 0x80:
                start += 1
        return tail[start:].decode("utf-8", "replace")
