"""A steady stream of mails while something is broken and mended.

    with Stream(bench) as stream:
        ...
    stream.check()      # each was delivered at its first attempt
"""

import threading
import time

from postfix import send

RECIPIENTS = ("user@stream.test", "user@stream-plain.test", "user@stream-dane.test")


class Stream:
    def __init__(self, bench, recipients=RECIPIENTS, pause_s=0.15):
        self._bench, self._recipients, self._pause_s = bench, recipients, pause_s
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._over = threading.Event()
        self._error = None
        self.queue_ids = []

    def _run(self):
        n = 0
        try:
            while not self._over.is_set():
                self.queue_ids.append(send(self._recipients[n % len(self._recipients)]))
                n += 1
                time.sleep(self._pause_s)
        except Exception as e:
            self._error = e

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join(60)

    def check(self):
        """Everything was taken in, and delivered without being deferred once."""
        if self._error:
            raise self._error
        assert len(self.queue_ids) >= 3, f"only {len(self.queue_ids)} mails in the stream"
        late = []
        for queue_id in self.queue_ids:
            first = self._bench.postfix.fate(queue_id)
            if first.status != "sent":
                late.append(f"{first.recipient} {first.status} ({first.reason})")
        assert not late, f"{len(late)} of {len(self.queue_ids)} mails, first: {late[0]}"
