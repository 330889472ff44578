"""SQS: queues of thousands of messages, with several readers."""
import threading
import time
from collections.abc import Mapping

from moto.core.utils import camelcase_to_underscores, unix_time_millis
from moto.sqs import models
from moto.sqs.exceptions import ReceiptHandleIsInvalid


class Attributes(Mapping):
    """A queue's attributes, each found when it is asked for.

    moto makes all of them for every message sent or received, and so counts the
    queue's messages three times over.
    """

    def __init__(self, queue: "Queue"):
        self._queue = queue
        self._names = [*queue.BASE_ATTRIBUTES, *(queue.FIFO_ATTRIBUTES if queue.fifo_queue else ()),
                       *(queue.KMS_ATTRIBUTES if queue.kms_master_key_id else ())]

    def __getitem__(self, name: str):
        if name not in self._names:
            raise KeyError(name)
        if name == "RedrivePolicy":
            return models.json.dumps(self._queue.redrive_policy) if self._queue.redrive_policy else None
        value = getattr(self._queue, camelcase_to_underscores(name))
        return str(value).lower() if isinstance(value, bool) else value

    def __iter__(self):
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class Queue(models.Queue):
    def __init__(self, *args, **kwargs):
        self.receiving = threading.Lock()
        super().__init__(*args, **kwargs)

    @property
    def attributes(self) -> Attributes:
        return Attributes(self)

    @property
    def lambda_event_source_mappings(self) -> dict:
        """None, whatever is put there: moto would hand each message to a function in a container, and delete it."""
        return {}

    @lambda_event_source_mappings.setter
    def lambda_event_source_mappings(self, mappings: dict) -> None:
        pass

    @property
    def messages(self) -> list[models.Message]:
        now = unix_time_millis()  # once, not twice for every message
        return [one for one in list(self._messages) if one.visible_at < now and one.delayed_until <= now]

    @property
    def pending_message_groups(self) -> set[str]:
        # Of a copy: whoever deletes a message meanwhile changes the set.
        return {one.group_id for one in list(self._pending_messages) if one.group_id is not None}

    def delete_message(self, receipt_handle: str) -> None:
        if receipt_handle in self.deleted_messages:
            return
        # moto replaces the list without the lock, and loses what is sent meanwhile.
        with self._messages_lock:
            for place, message in enumerate(self._messages):
                if message.receipt_handle == receipt_handle or receipt_handle in message._old_receipt_handles:
                    del self._messages[place]
                    self.pending_messages.discard(message)
                    self.deleted_messages.update(message.all_receipt_handles)
                    return
        raise ReceiptHandleIsInvalid()


class Backend(models.SQSBackend):
    __module__ = models.__name__  # moto finds a backend's URLs by this name

    def receive_message(self, queue_name, count, wait_seconds_timeout, *args, **kwargs):
        queue, end = self.get_queue(queue_name), time.monotonic() + wait_seconds_timeout
        while True:
            with queue.receiving:  # two readers would get the same messages, and both move the dead ones
                found = super().receive_message(queue_name, count, 0, *args, **kwargs)
            left = end - time.monotonic()
            if found or left <= 0:
                return found
            queue.wait_for_messages(min(1, left))


def install() -> None:
    models.Queue = Queue
    models.sqs_backends.backend = Backend
